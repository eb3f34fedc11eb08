/** Our side of a training benchmark: driven line by line on stdin, as the Python side is. Arguments: model folder, JSON of the setting. */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { onnx } from '@espalier/backend-onnx'
import { type TfModule, tfjs } from '@espalier/backend-tfjs'
import { type CheckpointingOptions, checkpointActivations, multiplyAdds } from '@espalier/checkpointing'
import {
  AdaptedModel,
  type CausalLM,
  causalLoss,
  type HostTensor,
  hostTensor,
  input,
  programRoots,
  type Quantizer,
  type Tensor,
  weightRequests,
} from '@espalier/core'
import { causalFeeds, collateCausal, planBatches, splitStep } from '@espalier/data'
import { lora } from '@espalier/lora'
import { generateTokens, llama } from '@espalier/models'
import { bitsandbytes } from '@espalier/quantization'
import { loadModel, saveAdapter } from '@espalier/serialization'
import {
  accumulateProgram,
  adamw,
  applyProgram,
  type MicroBatch,
  parameterGroups,
  TrainingSession,
} from '@espalier/trainer'

interface Row {
  readonly input_ids: readonly number[]
  readonly labels: readonly number[]
}

interface Setting {
  readonly threads: number
  readonly dropout?: number
  /** Sizes of all rows that will come, to plan shapes as a run does. */
  readonly sizes: { readonly lengths: readonly number[]; readonly counts: readonly number[] }
  readonly stepRows: number
  readonly tokensPerMicroBatch?: number
  /** The one shape of micro-batch, in place of a plan. */
  readonly whole?: { readonly rows: number; readonly length: number; readonly countedSize: number }
  /** What is made again in the backward pass, where anything is. */
  readonly checkpointing?: CheckpointingOptions
  /** How frozen weights are packed, where they are. */
  readonly packing?: 'nf4' | 'int8'
  /** Layers with an adapter. Default: q_proj and v_proj. */
  readonly targets?: 'all-linear'
  /** The project whose tfjs-node computes, in place of onnx. */
  readonly tfjs?: string
}

type ProfiledTf = TfModule & {
  profile(work: () => Promise<unknown>): Promise<{ peakBytes: number; kernels: readonly unknown[] }>
  memory(): { numTensors: number }
  scalar(value: number): unknown
}

type Request =
  | { readonly do: 'step'; readonly rows: readonly Row[] }
  | { readonly do: 'evaluate'; readonly rows: readonly Row[] }
  | { readonly do: 'generate'; readonly ids: readonly number[]; readonly count: number }
  | { readonly do: 'compilations' }
  | { readonly do: 'load' }
  | { readonly do: 'planned'; readonly rows: readonly Row[] }
  | { readonly do: 'save'; readonly folder: string }
  | { readonly do: 'memory'; readonly rows: readonly Row[] }
  | { readonly do: 'end' }

const [folder = '', text = '{}'] = process.argv.slice(2)
const setting = JSON.parse(text) as Setting
const PAD = 0

async function main(): Promise<void> {
  const tf = tfOf(setting)
  const backend = tf === undefined ? onnx({ threads: setting.threads }) : tfjs({ tf })
  const base = await loadModel(folder, { architectures: [llama], quantizers: quantizersOf(setting) })
  const adapted = new AdaptedModel(base)
  adapted.addAdapter(
    'default',
    lora({
      ...{ r: 8, loraAlpha: 16, loraDropout: setting.dropout ?? 0 },
      targetModules: setting.targets ?? ['q_proj', 'v_proj'],
    }),
  )
  const trainable = adapted.trainable()
  const weights = await backend.loadWeights(weightRequests(adapted.model))
  const transforms = setting.checkpointing === undefined ? [] : [checkpointActivations(setting.checkpointing)]
  const optimization = { optimizer: adamw(), clips: true, weightDecay: () => 0 }
  const session = await TrainingSession.open({
    model: trainable,
    backend,
    weights,
    loss: causalLoss,
    transforms,
    ...optimization,
  })
  const plan =
    setting.whole === undefined
      ? planBatches({
          ...setting.sizes,
          stepRows: setting.stepRows,
          ...(setting.tokensPerMicroBatch === undefined ? {} : { tokensPerMicroBatch: setting.tokensPerMicroBatch }),
        })
      : { shapes: [setting.whole] }
  let step = 0
  const microBatches = (rows: readonly Row[]): MicroBatch[] => {
    const sizes = {
      lengths: rows.map((row) => row.input_ids.length),
      counts: rows.map((row) => row.labels.slice(1).filter((label) => label !== -100).length),
    }
    return splitStep(
      plan.shapes,
      rows.map((_, i) => i),
      sizes,
    ).map(({ shape, rows: picked }) => {
      const batch = collateCausal(
        picked.map((i) => ({
          inputIds: Int32Array.from((rows[i] as Row).input_ids),
          labels: Int32Array.from((rows[i] as Row).labels),
        })),
        { ...shape, padId: PAD },
      )
      return {
        feeds: causalFeeds(batch) as Record<string, HostTensor>,
        count: batch.countedCount,
        tokens: batch.tokenCount,
      }
    })
  }
  const answer = (value: object) => process.stdout.write(`${JSON.stringify(value)}\n`)
  const shapes = new Set<string>()

  async function trainOn(rows: readonly Row[]): Promise<number> {
    const batches = microBatches(rows)
    let sum = 0
    for (const [i, batch] of batches.entries()) {
      shapes.add(JSON.stringify(batch.feeds.input_ids?.shape) + JSON.stringify(batch.feeds.counted_indices?.shape))
      sum += await session.accumulate(batch, step * 100 + i)
    }
    const count = batches.reduce((total, batch) => total + batch.count, 0)
    await session.apply({ step: ++step, count, learningRate: 1e-4, maxGradNorm: 1 })
    return sum / count
  }

  async function handle(request: Request): Promise<boolean> {
    if (request.do === 'step') {
      const began = performance.now()
      const loss = await trainOn(request.rows)
      answer({ loss, seconds: (performance.now() - began) / 1000 })
    } else if (request.do === 'evaluate') {
      const batches = microBatches(request.rows)
      let sum = 0
      for (const batch of batches) sum += (await session.evaluate(batch)).lossSum
      answer({ loss: sum / batches.reduce((total, batch) => total + batch.count, 0) })
    } else if (request.do === 'generate') {
      await session.commit()
      const state = await Promise.all(
        adapted.boundAdapters.map(async ({ adapter, prefix }) => ({ set: await adapter.stateOn(backend), prefix })),
      )
      const began = performance.now()
      const tokens: number[] = []
      const stream = generateTokens(
        { model: adapted.model as CausalLM, backend, weights, state, eosTokenIds: [], padTokenId: PAD },
        [[...request.ids]],
        { maxNewTokens: request.count },
      )
      for await (const { token } of stream) tokens.push(token)
      answer({ tokens, seconds: (performance.now() - began) / 1000 })
    } else if (request.do === 'save') {
      await saveAdapter(adapted, request.folder)
      answer({ saved: true })
    } else if (request.do === 'memory') {
      const profiled = tf as ProfiledTf
      const { peakBytes, kernels } = await profiled.profile(async () => {
        await trainOn(request.rows)
        return profiled.scalar(0)
      })
      answer({ peakBytes, kernels: kernels.length, numTensors: profiled.memory().numTensors })
    } else if (request.do === 'load') {
      // Weights arrive with the first program; a session opens with its first run.
      const some = [...weightRequests(adapted.model)]
        .slice(0, 1)
        .map(([slot, { source, dtype }]) => input('weight', slot, dtype, source.shape))
      const executable = await backend.compile({ name: 'load', outputs: { y: some[0] as Tensor } }, { weights })
      executable.release()
      answer({ loaded: true })
    } else if (request.do === 'planned') {
      const [batch] = microBatches(request.rows) as [MicroBatch]
      const groups = parameterGroups(await trainable.trainable(), optimization)
      const feeds = { ...batch.feeds, seed: hostTensor('u32', [], [0]) }
      const program = accumulateProgram({ model: trainable.model, loss: causalLoss, transforms }, groups, feeds)
      const apply = applyProgram(groups, optimization)
      const planned = backend.memory?.keptFor([program, apply].map(backend.memory.peakOf)) ?? 0
      const { length } = batch.feeds.input_ids?.data ?? []
      if (length !== request.rows.flatMap((row) => row.input_ids).length)
        throw new Error('the step is more than one micro-batch')
      answer({ planned, multiplyAdds: multiplyAdds(programRoots(program)) })
    } else if (request.do === 'compilations') answer({ shapes: shapes.size })
    else return false
    return true
  }

  answer({ ready: true })
  for await (const line of createInterface({ input: process.stdin }))
    if (!(await handle(JSON.parse(line) as Request))) break
  await session.close()
  await backend.close()
  await base.close()
}

function quantizersOf({ packing }: Setting): Quantizer[] {
  if (packing === undefined) return []
  const nf4 = { loadIn4bit: true, bnb4bitQuantType: 'nf4', bnb4bitUseDoubleQuant: true } as const
  return [bitsandbytes(packing === 'nf4' ? nf4 : { loadIn8bit: true })]
}

function tfOf({ tfjs: project }: Setting): ProfiledTf | undefined {
  if (project === undefined) return undefined
  return createRequire(join(project, 'package.json'))('@tensorflow/tfjs-node') as ProfiledTf
}

await main()
