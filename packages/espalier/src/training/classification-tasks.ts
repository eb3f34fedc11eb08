/** Tasks with labels: one per row, or one per token. Losses are transformers': the mean cross-entropy over rows, or over tokens that count. */
import { EspalierError, sequenceClassificationLoss, tokenClassificationLoss } from '@espalier/core'
import {
  DataCollatorForNumbers,
  DataCollatorForTokenClassification,
  DataCollatorWithPadding,
  describeLabels,
  describeWords,
  type Examples,
  type FeatureOptions,
  type Features,
  type LabelCollatorOptions,
  prepareFeatures,
} from '@espalier/data'
import { type ProblemType, problemTypeOf } from '@espalier/serialization'
import { paddingToken } from '../model/padding-token.js'
import { labelMetrics } from './label-metrics.js'
import { rowTexts } from './row-texts.js'
import type { TaskContext, TrainingTask } from './training-task.js'

/**
 * Rows with `text`, or `sentence1` and `sentence2`, and `label`; or tokenized ones: see `prepareFeatures`. As transformers, config.json's
 * `problem_type` tells what the labels are; without it one label is a number to learn, and a row with a list has labels that may hold at
 * once.
 */
export const sequenceClassification: TrainingTask<Features> = {
  prepare: (rows, context) => prepareFeatures(rows, context.tokenizer, featureOptions(labelsOfRows(context), context)),
  async collator(context, examples) {
    const options = await collatorOptions(context, examples)
    const problem = await problemOfRows(context, examples)
    if (problem === SINGLE) return new DataCollatorWithPadding(options)
    const feed = problem === 'regression' ? 'label_values' : 'label_flags'
    return new DataCollatorForNumbers({ ...options, feed, labelCount: labelCountOf(context) })
  },
  async describe(examples, context) {
    const problem = await problemOfRows(context, [examples])
    return describeLabels(examples, await rowTexts(context), KINDS[problem])
  },
  loss: sequenceClassificationLoss,
  smoothsLabels: true,
  metrics: (compute) => labelMetrics(compute),
}

/** Rows with `tokens`, words, and `labels`, one per word, of which the first id has it; or tokenized rows with a label per id. */
export const tokenClassification: TrainingTask<Features> = {
  prepare: (rows, context) => prepareFeatures(rows, context.tokenizer, featureOptions('token', context)),
  collator: async (context, examples) =>
    new DataCollatorForTokenClassification(await collatorOptions(context, examples)),
  describe: async (examples, context) => describeWords(examples, await rowTexts(context)),
  loss: tokenClassificationLoss,
  smoothsLabels: true,
  metrics: (compute) => labelMetrics(compute),
}

const DEFAULT_LABELS = 2 // transformers
const SINGLE = 'single_label_classification'
const KINDS = {
  regression: 'numbers',
  [SINGLE]: 'one',
  multi_label_classification: 'several',
} as const satisfies Readonly<Record<ProblemType, string>>

async function problemOfRows(context: TaskContext, examples: readonly Examples<Features>[]): Promise<ProblemType> {
  return problemOf(context) ?? (await inferredProblem(context, examples))
}

// What config.json says, or what follows from one label; undefined where rows tell.
function problemOf(context: TaskContext): ProblemType | undefined {
  return problemTypeOf(context.config) ?? (labelCountOf(context) === 1 ? 'regression' : undefined)
}

function labelsOfRows(context: TaskContext): FeatureOptions['labels'] {
  const problem = problemOf(context)
  if (problem === undefined) return 'either'
  if (problem === SINGLE) return 'row'
  return problem === 'regression' ? 'numbers' : 'flags'
}

async function inferredProblem({ config }: TaskContext, examples: readonly Examples<Features>[]): Promise<ProblemType> {
  const first = await examples[0]?.example(0)
  if (first === undefined || typeof first.labels === 'number') return SINGLE
  if (!String(config.model_type).startsWith('deberta')) return 'multi_label_classification'
  throw new EspalierError('config.unsupported', {
    what: 'for DeBERTa, transformers takes labels that may hold at once for shares of one label unless config.json says otherwise',
    got: { problem_type: null },
    fix: "Load it with problemType: 'multi_label_classification'",
  })
}

function labelCountOf({ config }: TaskContext): number {
  const { id2label, num_labels: count = DEFAULT_LABELS } = config
  return id2label == null ? Number(count) : Object.keys(id2label).length
}

function featureOptions(labels: FeatureOptions['labels'], context: TaskContext): FeatureOptions {
  const { model, config, args, signal } = context
  const { label2id: labelIds = {} } = config
  const labelCount = labelCountOf(context)
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
  return paddingToken(await context.tokenizer(), model.sizes.vocabularySize)
}
