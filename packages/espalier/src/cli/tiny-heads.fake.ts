/** Folders of tiny encoders, with a head or without, and of a tiny encoder-decoder: for tests of commands. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Architecture, ModelConfig, TaskType } from '@espalier/core'
import { bert, t5 } from '@espalier/models'
import { tinyModelFiles } from '../tiny-model.fake.js'

const CLASSES: Readonly<Record<Exclude<TaskType, 'CAUSAL_LM'>, string>> = {
  SEQ_CLS: 'BertForSequenceClassification',
  TOKEN_CLS: 'BertForTokenClassification',
  QUESTION_ANS: 'BertForQuestionAnswering',
  MASKED_LM: 'BertForMaskedLM',
  FEATURE_EXTRACTION: 'BertModel',
  SEQ_2_SEQ_LM: 'T5ForConditionalGeneration',
}

const BERT: ModelConfig = {
  model_type: 'bert',
  vocab_size: 600,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  max_position_embeddings: 32,
}

/** A T5's config.json. */
export const T5: ModelConfig = {
  model_type: 't5',
  vocab_size: 600,
  d_model: 16,
  d_kv: 8,
  d_ff: 24,
  num_layers: 1,
  num_decoder_layers: 1,
  num_heads: 2,
  pad_token_id: 0,
  eos_token_id: 0,
  decoder_start_token_id: 0,
}

/** A family and its config.json. */
export interface TinyFamily {
  readonly family: Architecture
  readonly config: ModelConfig
}

/** Writes a model of the class for the task, whose tokenizer has a mask token, into a folder. made: of BERT, or of T5, unless another family is given. */
export async function writeTinyHead(
  folder: string,
  task: Exclude<TaskType, 'CAUSAL_LM'>,
  changes: ModelConfig = {},
  made: TinyFamily = task === 'SEQ_2_SEQ_LM' ? { family: t5, config: T5 } : { family: bert, config: BERT },
): Promise<void> {
  const config = { architectures: [CLASSES[task]], ...made.config, ...changes }
  const files = await tinyModelFiles(task, { ...made, config })
  const settings = JSON.parse(await (files.get('tokenizer_config.json') as Blob).text()) as object
  files.set('tokenizer_config.json', new Blob([JSON.stringify({ ...settings, mask_token: '<|endoftext|>' })]))
  mkdirSync(folder)
  for (const [file, blob] of files) writeFileSync(join(folder, file), Buffer.from(await blob.arrayBuffer()))
}

/** Writes rows as JSON lines. */
export function writeRows(file: string, rows: readonly object[]): void {
  writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
}

/** The JSON lines that a command printed. */
export function printed(stdout: string): Record<string, unknown>[] {
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}
