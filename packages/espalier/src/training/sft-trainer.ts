/** Supervised fine-tuning: the trainer on text, or on prompts with completions. TRL's SFTTrainer. */
import { type ConfiguredTuner, EspalierError, requireParts } from '@espalier/core'
import { renderSupervision, type SftData, supervisionWarnings } from '@espalier/data'
import { getPeftModel, PeftModel } from '../model/peft-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import type { CallOptions } from './call-options.js'
import { checkTrainerOptions } from './known-trainer-options.js'
import type { Preflight } from './preflight.js'
import type { PreparedData } from './prepared-data.js'
import { sftTask } from './sft-task.js'
import { Trainer, type TrainerOptions } from './trainer.js'
import { DEFAULT_SEED, type SFTConfig } from './training-arguments.js'

/** What a trainer is made of. */
export interface SFTTrainerOptions extends Omit<TrainerOptions, 'args' | 'task' | 'computeMetrics'> {
  readonly args?: SFTConfig
  /** Attaches a new adapter to a plain model. */
  readonly peftConfig?: ConfiguredTuner
}

/** Fine-tunes a causal language model on text or on prompts with completions. */
export class SFTTrainer extends Trainer {
  /** Throws config.value, config.unsupported; model.unsupported for a model that does not predict the next token. */
  constructor(given: SFTTrainerOptions) {
    requireParts('options', given, [], 'Give a model and a trainDataset: new SFTTrainer({ model, trainDataset })')
    const { peftConfig, ...options } = given
    super({ ...options, model: adapted(options, peftConfig), task: sftTask })
  }

  /** Reads and tokenizes the data, and tells what a run would take. Throws data.*, tokenizer.*, config.*. */
  override async preflight(options: CallOptions = {}): Promise<Preflight> {
    const { train } = await this.prepare(options)
    return { ...(await super.preflight(options)), supervision: (train.examples as SftData).report }
  }

  protected override supervisionOf({ train }: PreparedData): readonly string[] {
    const { report } = train.examples as SftData
    return [...supervisionWarnings(report), ...renderSupervision(report)]
  }
}

function adapted(options: SFTTrainerOptions, peftConfig: ConfiguredTuner | undefined) {
  checkTrainerOptions(options)
  const { model, args = {} } = options
  const { task } = model.model
  if (task !== 'CAUSAL_LM')
    throw new EspalierError('model.unsupported', {
      what: 'supervised fine-tuning on text needs a model that reads and writes one text',
      got: { task },
      fix: 'Load it with AutoModelForCausalLM, or train it with Trainer: on labels, or on prompts with completions where an encoder reads them',
    })
  if (peftConfig === undefined) return model
  if (model instanceof PeftModel)
    throw new EspalierError('config.value', {
      what: 'peftConfig would put a second adapter on an adapted model',
      fix: 'Leave peftConfig out, or pass the base model',
    })
  return getPeftModel(model as PretrainedModel, peftConfig, { seed: args.seed ?? DEFAULT_SEED })
}
