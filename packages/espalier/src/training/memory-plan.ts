/** The memory of a run, told before it starts, by what it is for. */
import {
  type Backend,
  byteSize,
  hostTensor,
  type LossFunction,
  type MemoryEstimates,
  namedParameters,
  type Program,
  peakMemory,
  programRoots,
  sizeOf,
  type TrainableModel,
} from '@espalier/core'
import {
  accumulateProgram,
  applyProgram,
  decayOf,
  embeddingRule,
  type Optimizer,
  type ParameterGroup,
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
  return (await RunMemory.of(run)).plan(run.transforms ?? [])
}

/** The memory of a run with one list of transforms or another. */
export class RunMemory {
  private constructor(
    private readonly run: RunToPlan,
    private readonly groups: readonly ParameterGroup[],
    /** Numbers that train. */
    private readonly trained: number,
    private readonly estimates: MemoryEstimates,
  ) {}

  /** Of a run; its own transforms are left out. */
  static async of(run: RunToPlan): Promise<RunMemory> {
    const { trainable, optimizer, weightDecay = 0, backend } = run
    const values = await trainable.trainable()
    const trained = [...values.values()].reduce((sum, { shape }) => sum + sizeOf(shape), 0)
    const { model } = trainable
    const groups = parameterGroups(values, {
      optimizer,
      weightDecay: decayOf(model, weightDecay),
      isEmbedding: embeddingRule(model),
    })
    return new RunMemory(run, groups, trained, backend?.memory ?? FOLLOWED)
  }

  /** What it takes with these transforms. */
  plan(transforms: readonly TrainingTransform[]): MemoryPlan {
    const { trainable, optimizer, process = 0, steps = 0, backend } = this.run
    const { bytesOf, peakOf, keptFor } = this.estimates
    const weights = [...namedParameters(trainable.model).values()].reduce(
      (sum, { slot, shape, dtype }) => sum + (slot === 'weight' ? bytesOf({ dtype, shape }) : 0),
      0,
    )
    const peaks = shapePeaks(this.run.batches, (feeds) => peakOf(this.program(feeds, transforms)))
    // New values and states stand beside the old ones until the step is done.
    const apply = peakOf(applyProgram(this.groups, { optimizer, clips: true }))
    const activations = keptFor([...peaks.slice(0, 1), apply, ...peaks.slice(1)])
    const states = this.groups.flatMap((group) => statesOf(group, optimizer))
    const live = states.reduce((sum, [, spec]) => sum + bytesOf(spec), 8 * this.trained) // values and gradient sums in f32
    const adapterAndOptimizer = live + replacedMemory(backend?.name ?? '', live, steps)
    return {
      weights,
      adapterAndOptimizer,
      activations,
      process,
      total: weights + adapterAndOptimizer + activations + process,
      advice: {
        weights: 'a smaller model, or loadIn8bit or loadIn4bit where it is loaded',
        adapterAndOptimizer: 'fewer target modules or a smaller r',
        activations: 'gradientCheckpointing, a smaller maxLength, or fewer tokensPerMicroBatch',
      },
    }
  }

  /** The program of the micro-batch with the most tokens. */
  largestProgram(transforms: readonly TrainingTransform[]): Program {
    const tokens = ({ shape: { rows, length } }: ShapedFeeds) => rows * length
    const largest = this.run.batches.reduce((a, b) => (tokens(b) > tokens(a) ? b : a))
    return this.program(largest.feeds, transforms)
  }

  private program(feeds: ShapedFeeds['feeds'], transforms: readonly TrainingTransform[]): Program {
    const { trainable, loss } = this.run
    // With a seed, as training has it: dropout keeps its masks.
    const seed = hostTensor('u32', [], [0])
    return accumulateProgram({ model: trainable.model, loss, transforms }, this.groups, { ...feeds, seed })
  }
}
