/** The memory of a trainer's runs: what they will take, and what a budget has made again. */
import type { Backend, LossFunction, TrainableModel } from '@espalier/core'
import type { Optimizer, TrainingTransform } from '@espalier/trainer'
import { platform } from '../platform/node.js'
import { checkpointed, type FittedRun, fitRun, type RunToFit, roomWarnings } from './fit-run.js'
import { type PlannedExamples, shapedFeeds, trainSteps } from './planned-steps.js'
import { processMemory } from './process-memory.js'
import { budgetOf, checkpointingOf, type TrainingArguments } from './training-arguments.js'

/** What a trainer knows of its runs before it has data. */
export interface RunsToFit {
  readonly args: TrainingArguments
  readonly trainable: TrainableModel
  readonly backend: Backend
  /** The user's own. */
  readonly transforms: readonly TrainingTransform[]
  optimizer(): Optimizer
  readonly loss: LossFunction
}

/** The runs of one trainer. */
export class RunFit {
  /** One list for preflight and run: they then share a program. */
  private readonly transforms: readonly TrainingTransform[]
  private readonly budget: number | undefined
  private fitted: Promise<FittedRun> | undefined

  /** Throws config.value, config.unknown. */
  constructor(private readonly runs: RunsToFit) {
    this.transforms = [...runs.transforms, ...checkpointed(checkpointingOf(runs.args))]
    this.budget = budgetOf(runs.args)
  }

  /** What a run takes. With a budget it is looked for once; without one it is asked anew. Throws memory.budget. */
  fit(train: PlannedExamples): Promise<FittedRun> {
    if (this.budget === undefined) return fitRun(this.toFit(train), this.transforms)
    this.fitted ??= fitRun(this.toFit(train), this.transforms).catch((error) => {
      this.fitted = undefined
      throw error
    })
    return this.fitted
  }

  /** What rewrites the program of a run. Throws memory.budget. */
  async transformsFor(train: PlannedExamples): Promise<readonly TrainingTransform[]> {
    return this.budget === undefined ? this.transforms : (await this.fit(train)).transforms
  }

  /** What there is to say of a run that takes `total` bytes where the machine has less. */
  warnings(train: PlannedExamples, total: number): Promise<string[]> {
    return roomWarnings(this.toFit(train), total, platform.memoryBytes())
  }

  private toFit(train: PlannedExamples): RunToFit {
    const { args, trainable, backend, transforms } = this.runs
    return {
      trainable,
      optimizer: this.runs.optimizer(),
      weightDecay: args.weightDecay,
      loss: this.runs.loss,
      transforms,
      checkpointing: checkpointingOf(args),
      budget: this.budget,
      batches: shapedFeeds(train, args),
      backend,
      process: processMemory(backend.name),
      steps: trainSteps(train, args).totalSteps,
    }
  }
}
