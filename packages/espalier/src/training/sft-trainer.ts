/** Supervised fine-tuning: data, model and arguments put together. TRL's SFTTrainer. */
import { type ConfiguredTuner, EspalierError, FullModel, type LossFunction, type TrainableModel } from '@espalier/core'
import {
  checkTokenizerFits,
  type DataRow,
  type Dataset,
  loadDataset,
  prepareSft,
  type SftData,
  type Tokenizer,
} from '@espalier/data'
import {
  adamw,
  type Optimizer,
  type SaveContext,
  sgd,
  Trainer,
  type TrainingEvent,
  type TrainingRun,
} from '@espalier/trainer'
import { getPeftModel, PeftModel } from '../model/peft-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import { type CheckpointFolder, openRunFolder } from './checkpoints.js'
import { memoryPlan, type Preflight } from './preflight.js'
import { type SFTConfig, settingsOf } from './sft-config.js'
import { evaluationBatches, planFor, rowsPerStep, trainSteps } from './sft-steps.js'

/** Rows to train on: a data set, or anything that can be gone through. */
export type TrainRows = Dataset<DataRow> | Iterable<object> | AsyncIterable<object>

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
  readonly optimizer?: Optimizer
  readonly onEvent?: (event: TrainingEvent) => void
}

/** Options of calls that take a while. */
export interface CallOptions {
  readonly signal?: AbortSignal
}

interface Prepared {
  readonly tokenizer: Tokenizer
  readonly data: SftData
  readonly evaluation: SftData | undefined
  readonly padId: number
}

/** Fine-tunes a causal language model on text or on prompts with completions. */
export class SFTTrainer {
  /** The model that trains. */
  readonly model: PeftModel | PretrainedModel
  readonly args: SFTConfig
  private readonly trainable: TrainableModel
  private prepared: Promise<Prepared> | undefined

  constructor(private readonly options: SFTTrainerOptions) {
    const { model, peftConfig } = options
    if (peftConfig !== undefined && model instanceof PeftModel) {
      throw new EspalierError('config.value', {
        what: 'peftConfig would put a second adapter on an adapted model',
        fix: 'Leave peftConfig out, or pass the base model',
      })
    }
    this.model = peftConfig === undefined ? model : getPeftModel(model as PretrainedModel, peftConfig)
    this.args = options.args ?? {}
    this.trainable = this.model instanceof PeftModel ? this.model.adapted.trainable() : new FullModel(this.model.model)
    settingsOf(this.args)
  }

  /** Reads and tokenizes the data, and tells what a run would take. Throws data.*, tokenizer.*, config.*. */
  async preflight(options: CallOptions = {}): Promise<Preflight> {
    const { data, padId } = await this.prepare(options)
    const plan = planFor(data, rowsPerStep(this.args), this.args)
    const { totalSteps, stepsPerEpoch } = trainSteps(data, plan, this.args, padId)
    const trained = await this.trainable.trainable()
    return {
      memory: await memoryPlan(this.trainable, this.optimizer(), plan, padId),
      totalSteps,
      stepsPerEpoch,
      trainableParameters: [...trained.values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
      supervision: data.report,
      shapes: plan.shapes,
      warnings: this.model instanceof PeftModel ? this.model.warnings : [],
    }
  }

  /** A run; it starts at its first pull or at `result`. Preparing the data belongs to it. */
  train(options: CallOptions & { readonly resumeFromCheckpoint?: boolean | string } = {}): TrainingRun {
    const { signal, resumeFromCheckpoint = false } = options
    return Trainer.deferred(async () => {
      const folder = await this.openFolder(resumeFromCheckpoint)
      return this.trainer(await this.prepare(options), folder, signal)
    }, signal)
  }

  /** Mean loss over the counted tokens of the evaluation data. */
  async evaluate(options: CallOptions = {}): Promise<{ readonly evalLoss: number; readonly perplexity: number }> {
    const prepared = await this.prepare(options)
    return (await this.trainer(prepared, undefined, options.signal)).evaluate(options)
  }

  /** Writes the model as it is now: an adapter, or the whole model after training all parameters; with the tokenizer's files. */
  async saveModel(target: string = this.args.outputDir ?? ''): Promise<void> {
    if (target === '')
      throw new EspalierError('config.value', {
        what: 'there is no folder to save to',
        fix: 'Give one, or set outputDir',
      })
    await (await openRunFolder(target)).save(this.model, this.trainable)
  }

  private prepare({ signal }: CallOptions): Promise<Prepared> {
    this.prepared ??= this.prepareData(signal)
    this.prepared.catch(() => {
      this.prepared = undefined
    })
    return this.prepared
  }

  private async prepareData(signal: AbortSignal | undefined): Promise<Prepared> {
    const { trainDataset, evalDataset } = this.options
    const tokenizer = this.options.tokenizer ?? (await this.model.tokenizer())
    checkTokenizerFits(tokenizer, this.model.model.sizes.vocabularySize)
    const { maxLength, completionOnlyLoss } = this.args
    const options = {
      ...(maxLength === undefined ? {} : { maxLength }),
      ...(completionOnlyLoss === undefined ? {} : { completionOnlyLoss }),
      ...(signal === undefined ? {} : { signal }),
    }
    const data = await prepareSft(datasetOf(trainDataset), tokenizer, options)
    const evaluation =
      evalDataset === undefined ? undefined : await prepareSft(datasetOf(evalDataset), tokenizer, options)
    return { tokenizer, data, evaluation, padId: tokenizer.padTokenId ?? tokenizer.eosTokenId ?? 0 }
  }

  private async openFolder(resume: boolean | string): Promise<CheckpointFolder | undefined> {
    const { outputDir, saveTotalLimit } = this.args
    if (resume !== false && resume !== true)
      throw new EspalierError('config.unsupported', {
        what: 'a run cannot be continued from a named checkpoint yet',
        got: { resumeFromCheckpoint: resume },
      })
    return outputDir === undefined
      ? undefined
      : openRunFolder(outputDir, saveTotalLimit === undefined ? {} : { saveTotalLimit })
  }

  private async trainer(
    { data, evaluation, padId }: Prepared,
    folder: CheckpointFolder | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Trainer> {
    const { computeLoss, onEvent } = this.options
    const plan = planFor(data, rowsPerStep(this.args), this.args)
    const weights = await this.weights(signal)
    return new Trainer({
      model: this.trainable,
      backend: this.model.backend,
      weights,
      steps: trainSteps(data, plan, this.args, padId),
      optimizer: this.optimizer(),
      settings: settingsOf(this.args),
      ...(evaluation === undefined ? {} : { evaluation: evaluationBatches(evaluation, this.args, padId) }),
      ...(computeLoss === undefined ? {} : { loss: computeLoss }),
      ...(folder === undefined
        ? {}
        : { save: (context: SaveContext) => folder.saveStep(this.model, this.trainable, context) }),
      ...(onEvent === undefined ? {} : { onEvent }),
      peakMemory,
    })
  }

  private weights(signal: AbortSignal | undefined) {
    const options = signal === undefined ? {} : { signal }
    return this.trainable instanceof FullModel
      ? this.model.backend.loadWeights(new Map(), options)
      : this.model.weights(options)
  }

  private optimizer(): Optimizer {
    const { optim = 'adamw_torch_fused', adamBeta1, adamBeta2, adamEpsilon } = this.args
    if (this.options.optimizer !== undefined) return this.options.optimizer
    if (optim === 'sgd') return sgd()
    if (optim !== 'adamw_torch' && optim !== 'adamw_torch_fused') {
      throw new EspalierError('config.unsupported', {
        what: 'this optimizer does not exist yet',
        got: { optim },
        fix: 'Use adamw_torch or sgd, or pass an optimizer',
      })
    }
    return adamw({
      ...(adamBeta1 === undefined ? {} : { beta1: adamBeta1 }),
      ...(adamBeta2 === undefined ? {} : { beta2: adamBeta2 }),
      ...(adamEpsilon === undefined ? {} : { epsilon: adamEpsilon }),
    })
  }
}

function datasetOf(rows: TrainRows): Dataset<DataRow> {
  return 'placedRows' in rows ? rows : loadDataset(rows as Iterable<DataRow>)
}

function peakMemory(): number {
  return typeof process === 'undefined' ? 0 : (process.resourceUsage?.().maxRSS ?? 0) * 1024
}
