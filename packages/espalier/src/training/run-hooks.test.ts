/** What code of the user's own may do in a run: rewrite its program, follow its steps. */
import { onnx } from '@espalier/backend-onnx'
import { type HostTensor, mul } from '@espalier/core'
import { lora } from '@espalier/lora'
import type { TrainingTransform } from '@espalier/trainer'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AutoModelForCausalLM } from '../auto/auto-model.js'
import { getPeftModel, type PeftModel } from '../model/peft-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import { getPeftModelStateDict } from '../model/state-dict.js'
import { tinyModelFiles, tinyRows } from '../tiny-model.fake.js'
import { SFTTrainer, type SFTTrainerOptions } from './sft-trainer.js'
import type { SFTConfig } from './training-arguments.js'

let base: PretrainedModel

beforeEach(async () => {
  base = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend: onnx({ threads: 1 }) })
})
afterEach(() => base.close())

function trainerOf(args: SFTConfig, options: Partial<SFTTrainerOptions>): SFTTrainer {
  const model = getPeftModel(base, lora({ r: 4, targetModules: 'all-linear' }))
  return new SFTTrainer({ model, trainDataset: tinyRows, args: { learningRate: 0.01, ...args }, ...options })
}

describe('a run', () => {
  it('gives transforms to the run and to its preflight, which builds the run’s own program', async () => {
    const seen: number[] = []
    const transform: TrainingTransform = (roots) => {
      seen.push(roots.length)
      return roots.map((root, i) => (i === 0 ? mul(root, 2) : root))
    }
    const losses = async (options: Partial<SFTTrainerOptions>) => {
      const trainer = trainerOf({ maxSteps: 1, shuffle: false, perDeviceTrainBatchSize: 6 }, options)
      await trainer.preflight()
      const before = seen.length
      const { trainingLoss: loss } = await trainer.train().result
      return { loss, before }
    }
    const [plain, doubled] = [await losses({}), await losses({ transforms: [transform] })]
    expect(plain.before).toBe(0)
    expect(doubled.before).toBe(1)
    expect(doubled.loss).toBeCloseTo(2 * plain.loss, 4)
  })

  it('lets code of the user’s own follow each step, and keeps what that writes', async () => {
    const seen: number[] = []
    const trainer = trainerOf(
      { maxSteps: 2 },
      {
        async onOptimizerStep({ step, session }) {
          seen.push(step)
          const [[slot, value] = []] = await session.read()
          expect((await session.gradients([slot as string])).get(slot as string)?.shape).toEqual(value?.shape)
          const data = new Float32Array(value?.data.length ?? 0).fill(step)
          await session.write(new Map([[slot as string, { ...(value as HostTensor), data }]]))
        },
      },
    )
    await trainer.train().result
    expect(seen).toEqual([1, 2])
    const [first] = [...(await getPeftModelStateDict(trainer.model as PeftModel)).values()]
    expect(new Set(first?.data)).toEqual(new Set([2]))
  })
})
