/** Filling in masked tokens as a task: texts of which the collator hides some tokens, and the mean loss over those. transformers' run_mlm. */
import { cast, EspalierError, type MaskedLM, maskedLogits, maskedLoss, topK } from '@espalier/core'
import {
  DataCollatorForLanguageModeling,
  describeMasked,
  type Features,
  type MaskingOptions,
  prepareMasked,
} from '@espalier/data'
import type { EvaluationMetrics, PredictedBatch } from '@espalier/trainer'
import { padIdOf } from './classification-tasks.js'
import type { ComputeMetrics, EvalPrediction } from './label-metrics.js'
import { rowTexts } from './row-texts.js'
import { DEFAULT_SEED } from './training-arguments.js'
import type { TrainingTask } from './training-task.js'

/**
 * Rows with `text`, or tokenized ones: see `prepareMasked`. Each epoch masks anew, evaluations always alike. The predictions that
 * `computeMetrics` is given are the likeliest ids.
 */
export function maskedLanguageModeling(options: MaskingOptions = {}): TrainingTask<Features> {
  const { mlmProbability } = options
  return {
    prepare: (rows, { tokenizer, model, args, signal }) => {
      const { maxLength = model.sizes.maxPositions ?? undefined } = args
      return prepareMasked(rows, tokenizer, {
        ...(mlmProbability === undefined ? {} : { mlmProbability }),
        ...(maxLength === undefined ? {} : { maxLength }),
        ...(signal === undefined ? {} : { signal }),
      })
    },
    async collator(context, examples) {
      const { maskTokenId, specialTokenIds, vocabSize } = await context.tokenizer()
      if (maskTokenId === undefined)
        throw new EspalierError('config.unsupported', {
          what: 'the tokenizer has no mask token, which masked language modelling hides tokens with',
          got: { mask_token: null },
          fix: 'Use a tokenizer with a mask token, or AutoModelForCausalLM',
        })
      return new DataCollatorForLanguageModeling({
        ...options,
        padId: await padIdOf(context),
        tokenTypes: examples.some(({ haveTokenTypes }) => haveTokenTypes === true),
        maskTokenId,
        specialTokenIds,
        vocabularySize: vocabSize,
        seed: context.args.seed ?? DEFAULT_SEED,
      })
    },
    describe: async (examples, context) => describeMasked(examples, await rowTexts(context), mlmProbability),
    loss: maskedLoss,
    smoothsLabels: true,
    metrics: maskedMetrics,
  }
}

/** Share of the masked tokens that are found. */
const found: ComputeMetrics = ({ predictions, labelIds }) => {
  const right = predictions.filter(([id], i) => id === labelIds[i])
  return { accuracy: right.length / Math.max(1, labelIds.length) }
}

// Only the likeliest ids are read back: logits of all tokens of a vocabulary are too much to hold.
function maskedMetrics(compute: ComputeMetrics = found): EvaluationMetrics {
  return {
    predict: (model, inputs) => cast(topK(maskedLogits(model as MaskedLM, inputs), 1).indices, 'f32'),
    compute: (batches) => compute(counted(batches)),
  }
}

function counted(batches: readonly PredictedBatch[]): EvalPrediction {
  const items = batches.flatMap(({ feeds, predictions }) => {
    const { counted_targets: targets, counted_weights: weights } = feeds
    const likeliest = predictions.data as Float32Array
    return Array.from(likeliest, (id, i) => ({ id, label: Number(targets?.data[i]), counts: weights?.data[i] === 1 }))
  })
  const kept = items.filter(({ counts }) => counts)
  return { predictions: kept.map(({ id }) => Float32Array.of(id)), labelIds: kept.map(({ label }) => label) }
}
