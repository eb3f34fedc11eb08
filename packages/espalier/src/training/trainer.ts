/** Training: data, model, task and arguments put together. transformers' Trainer. */
import {
  EspalierError,
  FullModel,
  type Hold,
  type LossFunction,
  Shared,
  sizeOf,
  type TrainableModel,
  type WeightSet,
} from '@espalier/core'
import { checkExamplesFit, type DataCollator, type DataRow, type Dataset, type Tokenizer } from '@espalier/data'
import type { Target } from '@espalier/serialization'
import {
  type Evaluation,
  type GradientContext,
  type Optimizer,
  type OptimizerStepContext,
  type SaveContext,
  type TrainingEvent,
  Trainer as TrainingLoop,
  type TrainingRun,
  type TrainingTransform,
} from '@espalier/trainer'
import type { AllowedChange } from '../checkpoint/run-changes.js'
import { loadedWarnings } from '../model/loaded-warnings.js'
import { PeftModel } from '../model/peft-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import { platform } from '../platform/node.js'
import type { RunFacts } from '../run-folder/run-files.js'
import type { RunLock } from '../run-folder/run-lock.js'
import type { CallOptions, EvaluateOptions, TrainOptions } from './call-options.js'
import {
  CallbackHandler,
  type EvaluationProgress,
  progressOf,
  type TrainerCallback,
  type TrainerState,
} from './callbacks.js'
import { FullTraining } from './full-training.js'
import { checkEvaluateOptions, checkTrainerOptions, checkTrainOptions } from './known-trainer-options.js'
import type { ComputeMetrics } from './label-metrics.js'
import { lossOf } from './loss-of.js'
import { optimizerOf } from './optimizer-of.js'
import { evaluationBatches, trainSteps } from './planned-steps.js'
import { type TrainingPreflight, wideningWarnings } from './preflight.js'
import { type PreparedData, prepareData } from './prepared-data.js'
import { peakMemory } from './process-memory.js'
import { requireTrained } from './require-trained.js'
import { RunFit } from './run-fit.js'
import type { Resumed, RunOutput } from './run-output.js'
import { saveTo } from './save-to.js'
import { taskOf } from './task-of.js'
import { datasetOf, type TrainRows } from './train-rows.js'
import { argumentsOn, argumentWarnings, settingsOf, type TrainingArguments } from './training-arguments.js'
import type { TrainingTask } from './training-task.js'

/** What a trainer is made of. */
export interface TrainerOptions {
  /** An adapted model trains its active adapters; a plain one trains all its parameters. */
  readonly model: PeftModel | PretrainedModel
  /** Default: the model's own. */
  readonly tokenizer?: Tokenizer
  readonly trainDataset: TrainRows
  readonly evalDataset?: TrainRows
  readonly args?: TrainingArguments
  /** How rows train the model. Default: what its head is for, of one label per row, one per token, or a text to write. */
  readonly task?: TrainingTask
  /** Instead of the task's: from its examples to feeds of a shape. */
  readonly dataCollator?: DataCollator<never>
  /** Instead of the task's, over the collator's feeds: a sum over what counts. */
  readonly computeLoss?: LossFunction
  /** What evaluations measure. Default for labels: accuracy. */
  readonly computeMetrics?: ComputeMetrics
  /** Rewrite the program that accumulates gradients, in order: recomputation, another dtype. The preflight counts what is left. */
  readonly transforms?: readonly TrainingTransform[]
  readonly optimizer?: Optimizer
  /** Runs between gradients and the optimizer; may return another count to divide by. */
  readonly onGradients?: (context: GradientContext) => Promise<number | undefined>
  /** Runs after each optimizer step: reads values and gradients, and writes values that the next step starts from. */
  readonly onOptimizerStep?: (context: OptimizerStepContext) => Promise<void>
  /** Told every event, also those that a slow reader of the run does not see, and the evaluations of `evaluate`. A run waits for the promise that it returns. */
  readonly onEvent?: (event: TrainingEvent) => void | Promise<void>
  /** transformers' callbacks; they may be async. */
  readonly callbacks?: readonly TrainerCallback[]
  /** @internal The caller's lock of args.outputDir; without one a run takes its own. */
  readonly lock?: RunLock
  /** @internal What run.json tells besides, or otherwise than the arguments do. */
  readonly runFacts?: Partial<RunFacts>
}

/** Trains a model on the rows of a task: a classifier on texts with labels. */
export class Trainer {
  /** The model that trains. */
  readonly model: PeftModel | PretrainedModel
  readonly args: TrainingArguments
  private readonly task: TrainingTask
  private readonly trainable: TrainableModel
  private readonly loss: LossFunction
  private readonly rows: { readonly train: Dataset<DataRow>; readonly evaluation: Dataset<DataRow> | undefined }
  private prepared: Shared<PreparedData> | undefined
  private readonly callbacks: CallbackHandler
  private readonly memory: RunFit
  private tokenizerNotes: readonly string[] = []
  /** Whether what lies in the folder is of this trainer: its own run is no other one. */
  private hasWritten = false

  /** Throws config.value, config.unknown, config.unsupported; data.file for a file of unknown kind; model.unsupported for a model whose task is not known and not given. */
  constructor(private readonly options: TrainerOptions) {
    checkTrainerOptions(options)
    const { model, tokenizer, computeMetrics } = options
    this.args = argumentsOn(model, options.args ?? {})
    this.model = model
    this.task = options.task ?? taskOf(model.model)
    if (computeMetrics !== undefined && this.task.metrics === undefined)
      throw new EspalierError('config.unsupported', {
        what: 'this task predicts nothing that could be measured',
        got: { task: model.model.task },
        fix: 'Leave computeMetrics out, or give the task metrics',
      })
    const { trainDataset, evalDataset } = options
    settingsOf(this.args, { hasEvaluation: evalDataset !== undefined })
    this.rows = {
      train: datasetOf('trainDataset', trainDataset),
      evaluation: evalDataset === undefined ? undefined : datasetOf('evalDataset', evalDataset),
    }
    if (tokenizer !== undefined) this.model.setTokenizer(tokenizer) // it is saved with the model
    this.trainable = this.model instanceof PeftModel ? this.model.adapted.trainable() : new FullTraining(this.model)
    this.loss = lossOf({ task: this.task, computeLoss: options.computeLoss, args: this.args })
    this.callbacks = new CallbackHandler(options.callbacks ?? [], this.args)
    this.optimizer()
    this.memory = new RunFit({
      args: this.args,
      trainable: this.trainable,
      backend: model.backend,
      transforms: options.transforms ?? [],
      optimizer: () => this.optimizer(),
      loss: this.loss,
    })
  }

  /** Reads and tokenizes the data, and tells what a run would take. Throws data.*, tokenizer.*, config.*. */
  async preflight(options: CallOptions = {}): Promise<TrainingPreflight> {
    const prepared = await this.prepare(options)
    const { train } = prepared
    const { totalSteps, stepsPerEpoch } = trainSteps(train, this.args)
    const { memory, recomputation } = await this.memory.fit(train)
    return {
      memory,
      ...(recomputation === undefined ? {} : { recomputation }),
      totalSteps,
      stepsPerEpoch,
      trainableParameters: await this.trainedCount(),
      shapes: train.plan.shapes,
      description: prepared.description,
      warnings: [...this.warningsOf(prepared), ...(await this.memory.warnings(train, memory.total))],
    }
  }

  /** A run: await it for its result, or iterate its events; it starts by itself. Preparing the data belongs to it. Throws config.value when outputDir holds another run, or no checkpoint to resume from, checkpoint.* for one that cannot be resumed from, run.changed when that would not be the same run, adapter.state when no active adapter trains, run.locked when one writes there now. */
  train(options: TrainOptions = {}): TrainingRun {
    const { signal, resumeFromCheckpoint = false, allowChanges = [] } = options
    const listener = async (event: TrainingEvent) => {
      output?.note(event)
      await this.tell(event)
    }
    // Who fails at a warning does not end the run: it goes on without what the warning is about.
    const warn = (message: string) => void listener(run.warn(message)).catch(() => {})
    let output: RunOutput | undefined
    let weights: Hold<WeightSet> | undefined
    const run = TrainingLoop.deferred(
      async () => {
        checkTrainOptions(options)
        requireTrained(this.model)
        output = await this.openOutput(resumeFromCheckpoint)
        const prepared = await this.prepare(options)
        weights = this.holdWeights(signal)
        const held = await weights.value
        const resumed = await this.begin({ output, prepared, allowed: allowChanges, warn })
        this.callbacks.attach(run, resumed?.history)
        this.hasWritten ||= output !== undefined && this.args.outputDir !== undefined
        const transforms = await this.memory.transformsFor(prepared.train)
        return this.trainer(prepared, { weights: held, transforms, output, listener, resumed })
      },
      signal,
      async (failure) => {
        weights?.release()
        await output?.end(failure)
      },
    )
    return run
  }

  /** Mean loss over what counts in the evaluation data, and what is measured besides. Callbacks and `onEvent` hear of it as of an evaluation of a run. */
  async evaluate(options: EvaluateOptions = {}): Promise<Evaluation> {
    checkEvaluateOptions(options)
    const { signal, onProgress } = options
    const began = performance.now()
    const prepared = await this.prepare(options)
    const weights = this.holdWeights(signal)
    try {
      for (const message of prepared.evaluation?.examples.warnings ?? []) await this.tell({ type: 'warning', message })
      const loop = this.trainer(prepared, { weights: await weights.value, onProgress })
      const found = await loop.evaluate({ signal })
      const { globalStep: step, epoch } = this.callbacks.current
      const seconds = (performance.now() - began) / 1000
      await this.tell({ type: 'evaluate', step, epoch, ...found, seconds, best: false })
      return found
    } finally {
      weights.release()
    }
  }

  /** Writes the model as it is now: an adapter, or the whole model after training all parameters; with the tokenizer's files. */
  async saveModel(target: Target | undefined = this.args.outputDir): Promise<void> {
    if (target === undefined)
      throw new EspalierError('config.value', {
        what: 'there is no folder to save to',
        fix: 'Give one, or set outputDir',
      })
    await saveTo(target, this.model)
  }

  // A failure is not kept: the next call tries again.
  protected async prepare({ signal, onRows }: CallOptions): Promise<PreparedData> {
    signal?.throwIfAborted()
    this.prepared ??= new Shared({
      make: (stop) => this.prepareData(stop, onRows),
      forget: () => {
        this.prepared = undefined
      },
      keep: true,
    })
    return this.prepared.wait(signal)
  }

  /** Where the latest run is or ended, and what it logged: transformers' `trainer.state`. */
  get state(): TrainerState {
    return this.callbacks.current
  }

  private async tell(event: TrainingEvent): Promise<void> {
    await this.callbacks.onEvent(event)
    await this.options.onEvent?.(event)
  }

  private async prepareData(signal: AbortSignal, onRows: CallOptions['onRows']): Promise<PreparedData> {
    const { dataCollator } = this.options
    const { args, task, rows } = this
    const { model, config } = this.model
    let found: Tokenizer | undefined
    const tokenizer = async () => {
      found = await this.model.tokenizer()
      this.tokenizerNotes = found.notes
      return found
    }
    const prepared = await prepareData({
      task,
      trainDataset: rows.train,
      evalDataset: rows.evaluation,
      dataCollator,
      context: { tokenizer, model, config, args, signal, onRows },
    })
    for (const { examples } of [prepared.train, ...(prepared.evaluation ? [prepared.evaluation] : [])])
      if (found !== undefined) await checkExamplesFit(examples, found, model.sizes.vocabularySize)
    return prepared
  }

  /** What the data hold, in lines, for run.json. */
  protected supervisionOf({ description }: PreparedData): readonly string[] {
    return description
  }

  /** What to know before the first step: of the model, of how its weights are held, and of the rows. */
  private warningsOf({ train, evaluation }: PreparedData): readonly string[] {
    const { backend } = this.model
    return [
      ...loadedWarnings(this.model),
      ...(this.model instanceof PeftModel ? this.model.warnings : []),
      ...this.tokenizerNotes,
      ...wideningWarnings(this.model.model, backend),
      ...argumentWarnings(this.args, { hasEvaluation: evaluation !== undefined }),
      ...(train.examples.warnings ?? []),
      ...(evaluation?.examples.warnings ?? []).map((warning) => `of the evaluation data, ${warning}`),
    ]
  }

  private async facts(prepared: PreparedData): Promise<RunFacts> {
    const { trainDataset, evalDataset, runFacts: told = {} } = this.options
    const { train, evaluation } = this.rows
    return platform.runFacts({
      model: this.model,
      args: this.args,
      hasEvaluation: evaluation !== undefined,
      data: typeof trainDataset === 'string' ? { file: trainDataset } : { name: train.name },
      evaluationData:
        evaluation === undefined
          ? undefined
          : typeof evalDataset === 'string'
            ? { file: evalDataset }
            : { name: evaluation.name },
      trainableParameters: await this.trainedCount(),
      supervision: this.supervisionOf(prepared),
      told,
    })
  }

  private async begin(start: {
    readonly output: RunOutput | undefined
    readonly prepared: PreparedData
    readonly allowed: readonly AllowedChange[]
    warn(message: string): void
  }): Promise<Resumed | undefined> {
    const { output, prepared, allowed, warn } = start
    if (output === undefined) return undefined
    const facts = await this.facts(prepared)
    const { model, args } = this
    const identity = await platform.runIdentity({ model, args, optimizer: this.optimizer(), prepared, facts })
    return output.begin({ facts, identity, allowed, warn, callbackStates: () => this.callbacks.states() })
  }

  private async openOutput(resume: boolean | string): Promise<RunOutput | undefined> {
    const { outputDir } = this.args
    const { lock, trainDataset, evalDataset } = this.options
    const data = [trainDataset, evalDataset].filter((rows) => typeof rows === 'string')
    const { model, args, hasWritten: isOwn } = this
    return platform.openRun({ model, args, outputDir, data, lock, isOwn, resume })
  }

  private async trainedCount(): Promise<number> {
    const trained = await this.trainable.trainable()
    return [...trained.values()].reduce((sum, { shape }) => sum + sizeOf(shape), 0)
  }

  private trainer(
    prepared: PreparedData,
    run: {
      readonly weights: WeightSet
      readonly transforms?: readonly TrainingTransform[]
      readonly output?: RunOutput | undefined
      readonly resumed?: Resumed | undefined
      readonly listener?: (event: TrainingEvent) => Promise<void>
      readonly onProgress?: ((progress: EvaluationProgress) => void) | undefined
    },
  ): TrainingLoop {
    const { train, evaluation } = prepared
    const { computeMetrics, onGradients, onOptimizerStep } = this.options
    const metrics = evaluation && this.task.metrics?.(computeMetrics, evaluation.examples)
    const { weights, transforms = [], output, resumed, listener, onProgress } = run
    return new TrainingLoop({
      warnings: [...(resumed?.warnings ?? []), ...this.warningsOf(prepared)],
      model: this.trainable,
      backend: this.model.backend,
      weights,
      steps: trainSteps(train, this.args),
      optimizer: this.optimizer(),
      settings: settingsOf(this.args, { hasEvaluation: evaluation !== undefined }),
      ...(evaluation === undefined ? {} : { evaluation: evaluationBatches(evaluation, this.args) }),
      loss: this.loss,
      transforms,
      ...(metrics === undefined ? {} : { metrics }),
      ...(onGradients === undefined ? {} : { onGradients }),
      ...(onOptimizerStep === undefined ? {} : { onOptimizerStep }),
      ...(resumed === undefined ? {} : { resume: resumed.state }),
      ...(output === undefined ? {} : { save: (context: SaveContext) => output.save(this.model, context) }),
      ...(listener === undefined ? {} : { onEvent: listener }),
      onMoment: async (moment) => {
        await this.callbacks.onMoment(moment)
        if (moment.type === 'prediction-step') onProgress?.(progressOf(moment))
      },
      peakMemory,
    })
  }

  // For as long as a run lasts; when all parameters train, none are frozen.
  private holdWeights(signal: AbortSignal | undefined): Hold<WeightSet> {
    if (!(this.trainable instanceof FullModel)) return this.model.holdWeights({ signal })
    const { backend } = this.model
    return new Shared({
      make: (stop) => backend.loadWeights(new Map(), { signal: stop }),
      release: (set) => set.release(),
    }).hold(signal)
  }

  private optimizer(): Optimizer {
    return this.options.optimizer ?? optimizerOf(this.args)
  }
}
