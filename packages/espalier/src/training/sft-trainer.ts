/** Supervised fine-tuning: data, model and arguments put together. TRL's SFTTrainer. */
import {
  type ConfiguredTuner,
  EspalierError,
  FullModel,
  type Hold,
  type LossFunction,
  lossOf,
  Shared,
  type TrainableModel,
  type WeightSet,
} from '@espalier/core'
import type { Tokenizer } from '@espalier/data'
import type { Target } from '@espalier/serialization'
import {
  type GradientContext,
  type Optimizer,
  type OptimizerStepContext,
  type SaveContext,
  Trainer,
  type TrainingEvent,
  type TrainingRun,
  type TrainingTransform,
} from '@espalier/trainer'
import { getPeftModel, PeftModel } from '../model/peft-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import { lockFolder, type RunLock } from '../run-folder/run-lock.js'
import { callbackListener, type TrainerCallback } from './callbacks.js'
import { type CheckpointFolder, earlierRun, requireNoRun, runFolder, saveTo } from './checkpoints.js'
import { FullTraining } from './full-training.js'
import { optimizerOf } from './optimizer-of.js'
import { memoryPlan, type Preflight, wideningWarnings } from './preflight.js'
import { type PreparedData, prepareData, type TrainRows } from './prepared-data.js'
import { processMemory } from './process-memory.js'
import { DEFAULT_SEED, type SFTConfig, settingsOf } from './sft-config.js'
import { evaluationBatches, largestFeeds, trainSteps } from './sft-steps.js'

/** What a trainer is made of. */
export interface SFTTrainerOptions {
  /** An adapted model trains its active adapters; a plain one needs `peftConfig`, or trains all its parameters. */
  readonly model: PeftModel | PretrainedModel
  /** Default: the model's own. */
  readonly tokenizer?: Tokenizer
  readonly trainDataset: TrainRows
  readonly evalDataset?: TrainRows
  /** Attaches a new adapter to a plain model. */
  readonly peftConfig?: ConfiguredTuner
  readonly args?: SFTConfig
  readonly computeLoss?: LossFunction
  /** Rewrite the program that accumulates gradients, in order: recomputation, another dtype. The preflight counts what is left. */
  readonly transforms?: readonly TrainingTransform[]
  readonly optimizer?: Optimizer
  /** Runs between gradients and the optimizer; may return another count to divide by. */
  readonly onGradients?: (context: GradientContext) => Promise<number | undefined>
  /** Runs after each optimizer step: reads values and gradients, and writes values that the next step starts from. */
  readonly onOptimizerStep?: (context: OptimizerStepContext) => Promise<void>
  /** Told every event, also those that a slow reader of the run does not see. */
  readonly onEvent?: (event: TrainingEvent) => void
  /** transformers' callbacks. */
  readonly callbacks?: readonly TrainerCallback[]
  /** @internal The caller's lock of args.outputDir; without one a run takes its own. */
  readonly lock?: RunLock
}

/** Options of calls that take a while. */
export interface CallOptions {
  readonly signal?: AbortSignal
}

/** Fine-tunes a causal language model on text or on prompts with completions. */
export class SFTTrainer {
  /** The model that trains. */
  readonly model: PeftModel | PretrainedModel
  readonly args: SFTConfig
  private readonly trainable: TrainableModel
  private prepared: Shared<PreparedData> | undefined
  /** The folder that this trainer writes to: its own run is no other one. */
  private folder: CheckpointFolder | undefined

  /** Throws config.value, config.unsupported; model.unsupported for a model that does not predict the next token. */
  constructor(private readonly options: SFTTrainerOptions) {
    const { model, peftConfig, tokenizer, computeLoss } = options
    if (model.model.task !== 'CAUSAL_LM' && computeLoss === undefined) {
      throw new EspalierError('model.unsupported', {
        what: 'supervised fine-tuning on text needs a model that predicts the next token',
        got: { task: model.model.task },
        fix: 'Load it with AutoModelForCausalLM, or pass computeLoss',
      })
    }
    if (peftConfig !== undefined && model instanceof PeftModel) {
      throw new EspalierError('config.value', {
        what: 'peftConfig would put a second adapter on an adapted model',
        fix: 'Leave peftConfig out, or pass the base model',
      })
    }
    this.args = options.args ?? {}
    settingsOf(this.args, { hasEvaluation: options.evalDataset !== undefined })
    const { seed = DEFAULT_SEED } = this.args
    this.model = peftConfig === undefined ? model : getPeftModel(model as PretrainedModel, peftConfig, { seed })
    if (tokenizer !== undefined) this.model.setTokenizer(tokenizer) // it is saved with the model
    this.trainable = this.model instanceof PeftModel ? this.model.adapted.trainable() : new FullTraining(this.model)
    this.optimizer()
  }

  /** Reads and tokenizes the data, and tells what a run would take. Throws data.*, tokenizer.*, config.*. */
  async preflight(options: CallOptions = {}): Promise<Preflight> {
    const { train, padId } = await this.prepare(options)
    const { totalSteps, stepsPerEpoch } = trainSteps(train, this.args, padId)
    const trained = await this.trainable.trainable()
    return {
      memory: await memoryPlan({
        trainable: this.trainable,
        optimizer: this.optimizer(),
        weightDecay: this.args.weightDecay,
        loss: this.loss(),
        transforms: this.options.transforms,
        feeds: largestFeeds(train.plan, padId),
        process: processMemory(this.model.backend.name),
      }),
      totalSteps,
      stepsPerEpoch,
      trainableParameters: [...trained.values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
      supervision: train.data.report,
      shapes: train.plan.shapes,
      warnings: [
        ...(this.model instanceof PeftModel ? this.model.warnings : []),
        ...wideningWarnings(this.model.model, this.model.backend),
      ],
    }
  }

  /** A run; it starts at its first pull or at `result`. Preparing the data belongs to it. Throws config.value when outputDir holds another run, run.locked when one writes there now. */
  train(options: CallOptions & { readonly resumeFromCheckpoint?: boolean | string } = {}): TrainingRun {
    const { signal, resumeFromCheckpoint = false } = options
    const { onEvent, callbacks = [] } = this.options
    const toCallbacks = callbackListener(callbacks, this.args, () => run)
    const listener = (event: TrainingEvent) => {
      toCallbacks(event)
      onEvent?.(event)
    }
    let lock: RunLock | undefined
    let weights: Hold<WeightSet> | undefined
    const run = Trainer.deferred(
      async () => {
        const { outputDir } = this.args
        if (outputDir !== undefined && this.options.lock === undefined) lock = await lockFolder(outputDir)
        const folder = await this.outputFolder(resumeFromCheckpoint)
        const prepared = await this.prepare(options)
        weights = this.holdWeights(signal)
        return this.trainer(prepared, { weights: await weights.value, folder, listener })
      },
      signal,
      async () => {
        weights?.release()
        await lock?.release()
      },
    )
    return run
  }

  /** Mean loss over the counted tokens of the evaluation data. */
  async evaluate(options: CallOptions = {}): Promise<{ readonly evalLoss: number; readonly perplexity: number }> {
    const prepared = await this.prepare(options)
    const weights = this.holdWeights(options.signal)
    try {
      return await this.trainer(prepared, { weights: await weights.value }).evaluate(options)
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
  private async prepare({ signal }: CallOptions): Promise<PreparedData> {
    signal?.throwIfAborted()
    this.prepared ??= new Shared({
      make: (stop) => this.prepareData(stop),
      forget: () => {
        this.prepared = undefined
      },
      keep: true,
    })
    return this.prepared.wait(signal)
  }

  private async prepareData(signal: AbortSignal): Promise<PreparedData> {
    const { trainDataset, evalDataset } = this.options
    return prepareData({
      tokenizer: await this.model.tokenizer(),
      trainDataset,
      evalDataset,
      sizes: this.model.model.sizes,
      args: this.args,
      signal,
    })
  }

  private async outputFolder(resume: boolean | string): Promise<CheckpointFolder | undefined> {
    const { outputDir, saveTotalLimit, overwriteOutputDir = false } = this.args
    const checkpoints = outputDir === undefined ? [] : (await earlierRun(outputDir)).checkpoints
    if (typeof resume === 'string' || (resume && checkpoints.length > 0)) {
      throw new EspalierError('config.unsupported', {
        what: 'a run cannot be continued from a checkpoint yet',
        got: { resumeFromCheckpoint: resume, ...(outputDir === undefined ? {} : { outputDir, checkpoints }) },
        fix: 'Load the checkpoint’s adapter and train it in a new outputDir, or set overwriteOutputDir without resuming',
      })
    }
    if (outputDir === undefined) return undefined
    if (this.folder !== undefined) return this.folder
    if (!resume && !overwriteOutputDir) await requireNoRun(outputDir)
    this.folder = runFolder(outputDir, saveTotalLimit === undefined ? {} : { saveTotalLimit })
    return this.folder
  }

  private trainer(
    { train, evaluation, padId }: PreparedData,
    run: {
      readonly weights: WeightSet
      readonly folder?: CheckpointFolder | undefined
      readonly listener?: (event: TrainingEvent) => void
    },
  ): Trainer {
    const { transforms = [], onGradients, onOptimizerStep } = this.options
    const { weights, folder, listener } = run
    return new Trainer({
      model: this.trainable,
      backend: this.model.backend,
      weights,
      steps: trainSteps(train, this.args, padId),
      optimizer: this.optimizer(),
      settings: settingsOf(this.args, { hasEvaluation: evaluation !== undefined }),
      ...(evaluation === undefined ? {} : { evaluation: evaluationBatches(evaluation, this.args, padId) }),
      loss: this.loss(),
      transforms,
      ...(onGradients === undefined ? {} : { onGradients }),
      ...(onOptimizerStep === undefined ? {} : { onOptimizerStep }),
      ...(folder === undefined ? {} : { save: (context: SaveContext) => folder.saveStep(this.model, context) }),
      ...(listener === undefined ? {} : { onEvent: listener }),
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

  private loss(): LossFunction {
    return this.options.computeLoss ?? lossOf(this.model.model)
  }

  private optimizer(): Optimizer {
    return this.options.optimizer ?? optimizerOf(this.args)
  }
}

function peakMemory(): number {
  return typeof process === 'undefined' ? 0 : (process.resourceUsage?.().maxRSS ?? 0) * 1024
}
