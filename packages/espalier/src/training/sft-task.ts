/** Supervised fine-tuning as a task: rows tokenized as TRL does it, and the loss of the next token where it counts. */
import { causalLoss, EspalierError, LanguageModel } from '@espalier/core'
import { DataCollatorForCausalLM, type PackedData, type PackedExample, preparePacked, prepareSft } from '@espalier/data'
import { paddingToken } from '../model/padding-token.js'
import type { SFTConfig } from './training-arguments.js'
import type { TaskContext, TrainingTask } from './training-task.js'

const DEFAULT_MAX_LENGTH = 1024 // TRL's SFTConfig

/** The task of SFTTrainer. */
export const sftTask = {
  async prepare(rows, context): Promise<PackedData> {
    const { tokenizer, model, args, signal, onRows } = context
    const { maxLength, completionOnlyLoss, packingStrategy: strategy } = args as SFTConfig
    const options = {
      virtualTokens: model.virtualTokens,
      ...(completionOnlyLoss === undefined ? {} : { completionOnlyLoss }),
      ...(signal === undefined ? {} : { signal }),
      ...(onRows === undefined ? {} : { onProgress: onRows }),
    }
    if (!packs(context))
      return prepareSft(rows, await tokenizer(), { ...options, ...(maxLength === undefined ? {} : { maxLength }) })
    const room = packedLength(context)
    const packing = { maxLength: room, ...(strategy === undefined ? {} : { strategy }) }
    return preparePacked(rows, await tokenizer(), options, packing)
  },
  async collator(context) {
    return new DataCollatorForCausalLM({
      padId: paddingToken(await context.tokenizer(), context.model.sizes.vocabularySize),
      virtualTokens: context.model.virtualTokens,
      masked: context.model instanceof LanguageModel && context.model.routingCoefficient !== 0,
      packed: packs(context) || packs({ ...context, isEvaluation: true }),
    })
  },
  loss: causalLoss,
  smoothsLabels: true,
} satisfies TrainingTask<PackedExample>

function packs({ args, isEvaluation = false }: TaskContext): boolean {
  const { packing = false, evalPacking = packing } = args as SFTConfig
  return isEvaluation ? evalPacking : packing
}

/** The room of a packed row. Throws config.value without one, and config.unsupported for a model that puts tokens of its own before a row. */
function packedLength({ args, model }: TaskContext): number {
  const { maxLength = DEFAULT_MAX_LENGTH } = args
  if (maxLength === null)
    throw new EspalierError('config.value', {
      what: 'packed rows need a length to fill',
      got: { packing: true, maxLength },
      fix: 'Set maxLength to a number of tokens, or leave packing out',
    })
  if (model.virtualTokens > 0)
    throw new EspalierError('config.unsupported', {
      what: 'virtual tokens stand before a row, not before each document of a packed one',
      got: { packing: true, virtualTokens: model.virtualTokens },
      fix: 'Leave packing out',
    })
  return maxLength
}
