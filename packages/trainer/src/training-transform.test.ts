import { causalLoss, mul, type Tensor } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { sgd } from './optimizers/sgd.js'
import { parameterGroups } from './parameter-groups.js'
import { accumulateProgram, type Objective } from './programs.js'
import { toyBatch, toyModel, toyRows } from './toy-model.fake.js'
import type { TrainingTransform } from './training-transform.js'

async function programOf(parts: Partial<Objective>, model = toyModel()) {
  const groups = parameterGroups(await model.trainable(), { optimizer: sgd(), weightDecay: () => 0 })
  return accumulateProgram({ model: model.model, loss: causalLoss, ...parts }, groups, toyBatch(toyRows).feeds)
}

const doubled: TrainingTransform = (roots) => roots.map((root) => mul(root, 2))

describe('training transforms', () => {
  it('rewrite loss and gradient sums one after the other, and know the model', async () => {
    const seen: unknown[] = []
    const note: TrainingTransform = (roots, { model }) => {
      seen.push(roots.length, model.className)
      return roots
    }
    const { outputs, updates } = await programOf({ transforms: [doubled, note] })
    expect(seen).toEqual([1 + Object.keys(updates ?? {}).length, 'ToyForCausalLM'])
    for (const root of [outputs.loss_sum, ...Object.values(updates ?? {})])
      expect((root as Tensor).node.op).toBe('binary')
  })

  it('make another program, and the same one when asked again', async () => {
    const model = toyModel()
    const plain = await programOf({}, model)
    const rewritten = await programOf({ transforms: [doubled] }, model)
    expect(rewritten).not.toBe(plain)
    expect(await programOf({ transforms: [doubled] }, model)).toBe(rewritten)
  })

  it('are refused with graph.invalid when they give other roots', async () => {
    for (const transform of [
      (roots) => roots.slice(1),
      ([first, ...rest]) => [...rest, first as Tensor],
    ] satisfies TrainingTransform[])
      await expect(programOf({ transforms: [transform] })).rejects.toMatchObject({ code: 'graph.invalid' })
  })
})
