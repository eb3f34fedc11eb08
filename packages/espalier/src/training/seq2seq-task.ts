/** Learning to write one text for another as a task: the mean loss over what the decoder writes, as transformers' Seq2SeqTrainer has it. */
import { type Seq2SeqLM, seq2seqLoss } from '@espalier/core'
import { DataCollatorForSeq2Seq, describeSeq2Seq, prepareSeq2Seq, type Seq2SeqFeatures } from '@espalier/data'
import { rowTexts } from './row-texts.js'
import type { TrainingTask } from './training-task.js'

/** Rows with `prompt` and `completion`, or tokenized ones: see `prepareSeq2Seq`. */
export const seq2seqTask: TrainingTask<Seq2SeqFeatures> = {
  prepare: (rows, { tokenizer, args: { maxLength }, signal }) =>
    prepareSeq2Seq(rows, tokenizer, {
      ...(maxLength === undefined ? {} : { maxLength }),
      ...(signal === undefined ? {} : { signal }),
    }),
  collator: async ({ model }) => new DataCollatorForSeq2Seq({ padId: (model as Seq2SeqLM).paddingToken }),
  describe: async (examples, context) => describeSeq2Seq(examples, await rowTexts(context)),
  loss: seq2seqLoss,
  smoothsLabels: true,
}
