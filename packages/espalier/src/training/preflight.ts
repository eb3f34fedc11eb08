/** What a run will take, told before it starts: memory by what it is for, steps, supervision, warnings. */
import {
  type Backend,
  byteSize,
  hostTensor,
  type LossFunction,
  type MemoryEstimates,
  type Module,
  namedParameters,
  peakMemory,
  programRoots,
  sizeOf,
  type TrainableModel,
} from '@espalier/core'
import type { BatchPlan, SupervisionReport } from '@espalier/data'
import {
  accumulateProgram,
  applyProgram,
  decayOf,
  type Optimizer,
  parameterGroups,
  statesOf,
  type TrainingTransform,
} from '@espalier/trainer'
import { replacedMemory } from './process-memory.js'
import { type ShapedFeeds, shapePeaks } from './shape-peaks.js'

/** Memory in bytes, and which option shrinks each part. */
export interface MemoryPlan {
  /** Frozen weights in the dtype that programs read; mapped from disk where the backend can. */
  readonly weights: number
  /** Adapter values, their gradients and the optimizer's states, and those of earlier steps that are not freed yet. */
  readonly adapterAndOptimizer: number
  /** Intermediate values of micro-batches and of the optimizer's step, and what the backend keeps for each shape. */
  readonly activations: number
  /** The program around it: Node and its libraries, data, and the backend's runtime. 0 where it cannot be known, as in browsers. */
  readonly process: number
  readonly total: number
  /** For each part the option that makes it smaller. */
  readonly advice: Readonly<Record<'weights' | 'adapterAndOptimizer' | 'activations', string>>
}

/** What `preflight` tells of any run. */
export interface TrainingPreflight {
  readonly memory: MemoryPlan
  readonly totalSteps: number
  readonly stepsPerEpoch: number
  readonly trainableParameters: number
  /** Shapes of micro-batches; each compiles once. */
  readonly shapes: BatchPlan['shapes']
  readonly warnings: readonly string[]
}

/** What `preflight` of SFTTrainer tells. */
export interface Preflight extends TrainingPreflight {
  readonly supervision: SupervisionReport
}

/** What the memory of a run follows from. */
export interface RunToPlan {
  readonly trainable: TrainableModel
  readonly optimizer: Optimizer
  readonly weightDecay?: number
  readonly loss: LossFunction
  readonly transforms?: readonly TrainingTransform[]
  /** Each shape of micro-batch, in the order of their first use. */
  readonly batches: readonly ShapedFeeds[]
  /** Where it runs, if that is known: what it keeps for each shape. */
  readonly backend?: Backend
  /** Bytes around the program. Default 0. */
  readonly process?: number
  /** Steps of the run, which leave replaced values behind them. Default 0. */
  readonly steps?: number
}

// Where a backend does not tell: tensors as they are, and the values of the largest program.
const FOLLOWED: MemoryEstimates = {
  bytesOf: ({ dtype, shape }) => sizeOf(shape) * byteSize(dtype),
  peakOf: (program) => peakMemory(programRoots(program)).intermediates,
  keptFor: (peaks) => Math.max(0, ...peaks),
}

/** The memory of a run, from programs that are built as the run builds them. */
export async function memoryPlan(run: RunToPlan): Promise<MemoryPlan> {
  const { trainable, optimizer, weightDecay = 0, loss, transforms = [], process = 0, steps = 0, backend } = run
  const { model } = trainable
  const { bytesOf, peakOf, keptFor } = backend?.memory ?? FOLLOWED
  const values = await trainable.trainable()
  const trained = [...values.values()].reduce((sum, { shape }) => sum + sizeOf(shape), 0)
  const weights = [...namedParameters(model).values()].reduce(
    (sum, { slot, shape, dtype }) => sum + (slot === 'weight' ? bytesOf({ dtype, shape }) : 0),
    0,
  )
  const groups = parameterGroups(values, { optimizer, weightDecay: decayOf(model, weightDecay) })
  // With a seed, as training has it: dropout keeps its masks.
  const seed = hostTensor('u32', [], [0])
  const peaks = shapePeaks(run.batches, (feeds) =>
    peakOf(accumulateProgram({ model, loss, transforms }, groups, { ...feeds, seed })),
  )
  // New values and states stand beside the old ones until the step is done.
  const apply = peakOf(applyProgram(groups, { optimizer, clips: true }))
  const activations = keptFor([...peaks.slice(0, 1), apply, ...peaks.slice(1)])
  const kept = groups.flatMap((group) => statesOf(group, optimizer)).reduce((sum, [, shape]) => sum + sizeOf(shape), 0)
  const live = 4 * (2 * trained + kept)
  const adapterAndOptimizer = live + replacedMemory(backend?.name ?? '', live, steps)
  return {
    weights,
    adapterAndOptimizer,
    activations,
    process,
    total: weights + adapterAndOptimizer + activations + process,
    advice: {
      weights: 'a smaller model (4-bit and 8-bit weights are planned)',
      adapterAndOptimizer: 'fewer target modules or a smaller r',
      activations: 'gradientCheckpointing, a smaller maxLength, or fewer tokensPerMicroBatch',
    },
  }
}

/** What there is to say of weights that the backend holds wider than they are stored. */
export function wideningWarnings(model: Module, { name, widening }: Pick<Backend, 'name' | 'widening'>): string[] {
  if (widening === undefined) return []
  let [stored, held] = [0, 0]
  for (const { slot, shape, dtype, source } of namedParameters(model).values()) {
    if (slot !== 'weight' || byteSize(source.dtype) >= byteSize(dtype)) continue
    stored += sizeOf(shape) * byteSize(source.dtype)
    held += sizeOf(shape) * byteSize(dtype)
  }
  if (stored === 0) return []
  return [`${megabytes(stored)} of 16-bit weights take ${megabytes(held)} on ${name}: ${widening}`]
}

function megabytes(count: number): string {
  return `${(count / 1e6).toFixed(1)} MB`
}
