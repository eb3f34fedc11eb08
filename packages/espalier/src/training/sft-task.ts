/** Supervised fine-tuning as a task: rows tokenized as TRL does it, and the loss of the next token where it counts. */
import { causalLoss } from '@espalier/core'
import { DataCollatorForCausalLM, prepareSft, type SftData, type SupervisedExample } from '@espalier/data'
import type { SFTConfig } from './training-arguments.js'
import type { TrainingTask } from './training-task.js'

/** The task of SFTTrainer. */
export const sftTask = {
  async prepare(rows, { tokenizer, model, args, signal, onRows }): Promise<SftData> {
    const { maxLength, completionOnlyLoss } = args as SFTConfig
    return prepareSft(rows, await tokenizer(), {
      virtualTokens: model.virtualTokens,
      ...(maxLength === undefined ? {} : { maxLength }),
      ...(completionOnlyLoss === undefined ? {} : { completionOnlyLoss }),
      ...(signal === undefined ? {} : { signal }),
      ...(onRows === undefined ? {} : { onProgress: onRows }),
    })
  },
  async collator(context) {
    const { padTokenId, eosTokenId } = await context.tokenizer()
    return new DataCollatorForCausalLM({
      padId: padTokenId ?? eosTokenId ?? 0,
      virtualTokens: context.model.virtualTokens,
    })
  },
  loss: causalLoss,
} satisfies TrainingTask<SupervisedExample>
