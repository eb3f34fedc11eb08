/** What TypeScript infers: checked by the compiler, nothing here runs. */

import { prepareSft } from '../sft/prepare.js'
import type { Tokenizer } from '../tokenizer/tokenizer.js'
import type { Dataset } from './dataset.js'
import type { DataRow } from './formats.js'
import { loadDataset, type PromptCompletion } from './load-dataset.js'

declare const tokenizer: Tokenizer

export const untyped: Dataset<DataRow> = loadDataset('train.jsonl')
export const typed: Dataset<PromptCompletion> = loadDataset<PromptCompletion>('train.jsonl')
export const inferred: Dataset<{ text: string }> = loadDataset([{ text: 'a' }])
export const prepared = [prepareSft(typed, tokenizer), prepareSft(inferred, tokenizer)]
// @ts-expect-error rows are objects
loadDataset([1, 2])
