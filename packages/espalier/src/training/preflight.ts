/** What a run will take, told before it starts: memory by what it is for, steps, supervision, warnings. */
import {
  type Backend,
  byteSize,
  type HostTensor,
  hostTensor,
  type LossFunction,
  type Module,
  namedParameters,
  peakMemory,
  programRoots,
  sizeOf,
  type TrainableModel,
} from '@espalier/core'
import type { BatchPlan, SupervisionReport } from '@espalier/data'
import { accumulateProgram, decayOf, type Optimizer, parameterGroups, type TrainingTransform } from '@espalier/trainer'

/** Memory in bytes, and which option shrinks each part. */
export interface MemoryPlan {
  /** Frozen weights in the dtype that programs read; mapped from disk where the backend can. */
  readonly weights: number
  /** Adapter values, their gradients and the optimizer's states. */
  readonly adapterAndOptimizer: number
  /** Intermediate values of the largest micro-batch. */
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
  /** Feeds of the largest micro-batch. */
  readonly feeds: Readonly<Record<string, HostTensor>>
  /** Bytes around the program. Default 0. */
  readonly process?: number
}

/** The memory of a run: the program of its largest micro-batch is built as the run builds it and its values are followed, without running it. */
export async function memoryPlan(run: RunToPlan): Promise<MemoryPlan> {
  const { trainable, optimizer, weightDecay = 0, loss, transforms = [], process = 0 } = run
  const { model } = trainable
  const values = await trainable.trainable()
  const trained = [...values.values()].reduce((sum, { shape }) => sum + sizeOf(shape), 0)
  const weights = [...namedParameters(model).values()].reduce(
    (sum, { slot, shape, dtype }) => sum + (slot === 'weight' ? sizeOf(shape) * byteSize(dtype) : 0),
    0,
  )
  // With a seed, as training has it: dropout keeps its masks.
  const feeds = { ...run.feeds, seed: hostTensor('u32', [], [0]) }
  const groups = parameterGroups(values, { optimizer, weightDecay: decayOf(model, weightDecay) })
  const { intermediates } = peakMemory(programRoots(accumulateProgram({ model, loss, transforms }, groups, feeds)))
  const adapterAndOptimizer = trained * 4 * (2 + optimizer.states.length)
  return {
    weights,
    adapterAndOptimizer,
    activations: intermediates,
    process,
    total: weights + adapterAndOptimizer + intermediates + process,
    advice: {
      weights: 'a smaller model (4-bit and 8-bit weights are planned)',
      adapterAndOptimizer: 'fewer target modules or a smaller r',
      activations: 'a smaller maxLength, or fewer tokensPerMicroBatch',
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
