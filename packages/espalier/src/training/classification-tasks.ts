/** Tasks with labels: one per row, or one per token. Losses are transformers': the mean cross-entropy over rows, or over tokens that count. */
import { EspalierError, sequenceClassificationLoss, tokenClassificationLoss } from '@espalier/core'
import {
  DataCollatorForTokenClassification,
  DataCollatorWithPadding,
  type Examples,
  type FeatureOptions,
  type Features,
  type LabelCollatorOptions,
  prepareFeatures,
} from '@espalier/data'
import { labelMetrics } from './label-metrics.js'
import type { TaskContext, TrainingTask } from './training-task.js'

/** Rows with `text`, or `sentence1` and `sentence2`, and `label`; or tokenized ones: see `prepareFeatures`. */
export const sequenceClassification: TrainingTask<Features> = {
  prepare: (rows, context) => prepareFeatures(rows, context.tokenizer, featureOptions('row', context)),
  collator: async (context, examples) => new DataCollatorWithPadding(await collatorOptions(context, examples)),
  loss: sequenceClassificationLoss,
  metrics: labelMetrics,
}

/** Tokenized rows with a label per id. */
export const tokenClassification: TrainingTask<Features> = {
  prepare: (rows, context) => prepareFeatures(rows, context.tokenizer, featureOptions('token', context)),
  collator: async (context, examples) =>
    new DataCollatorForTokenClassification(await collatorOptions(context, examples)),
  loss: tokenClassificationLoss,
  metrics: labelMetrics,
}

const DEFAULT_LABELS = 2 // transformers

function featureOptions(
  labels: FeatureOptions['labels'],
  { model, config, args, signal }: TaskContext,
): FeatureOptions {
  const { label2id: labelIds = {}, id2label, num_labels: count = DEFAULT_LABELS } = config
  const labelCount = id2label == null ? Number(count) : Object.keys(id2label).length
  if (labelCount < 2)
    throw new EspalierError('config.unsupported', {
      what: 'a model with one label would learn numbers (regression), which there is no loss for yet',
      got: { labels: labelCount },
      fix: 'Load it with two labels or more',
    })
  const { maxLength = model.sizes.maxPositions ?? undefined } = args
  return {
    labels,
    labelCount,
    labelIds: labelIds as Readonly<Record<string, number>>,
    ...(maxLength === undefined ? {} : { maxLength }),
    ...(signal === undefined ? {} : { signal }),
  }
}

async function collatorOptions(
  context: TaskContext,
  examples: readonly Examples<Features>[],
): Promise<LabelCollatorOptions> {
  return { padId: await padIdOf(context), tokenTypes: examples.some(({ haveTokenTypes }) => haveTokenTypes === true) }
}

// A head on the last token finds it by the id that config.json names; elsewhere the mask alone tells padding.
/** The id that fills rows up. Throws config.unsupported where the head needs one and config.json names none. */
export async function padIdOf({ model, config, ...context }: TaskContext): Promise<number> {
  if (typeof config.pad_token_id === 'number') return config.pad_token_id
  if (model.causal && model.task === 'SEQ_CLS')
    throw new EspalierError('config.unsupported', {
      what: 'rows of several lengths need a padding token: the head reads the last token that is none',
      got: { pad_token_id: config.pad_token_id ?? null },
      fix: 'Set pad_token_id in config.json',
    })
  const tokenizer = await context.tokenizer()
  return tokenizer.padTokenId ?? tokenizer.eosTokenId ?? 0
}
