/** What TypeScript infers: checked by the compiler, nothing here runs. */
import { expectTypeOf } from 'vitest'
import type { Dataset } from './dataset.js'
import type { PromptCompletion } from './load-dataset.js'

declare const rows: Dataset<PromptCompletion>

declare function rowOf<Row>(dataset: Dataset<Row>): Row

expectTypeOf(rowOf(rows.map(({ prompt }) => ({ length: prompt.length })))).toExtend<{
  prompt: string
  length: number
}>()
const replaced = rows.map(async ({ prompt }) => ({ text: prompt }), { removeColumns: ['prompt', 'completion'] })
expectTypeOf(rowOf(replaced)).toExtend<{ text: string }>()
// @ts-expect-error the column was removed
rowOf(replaced).prompt
// @ts-expect-error no column of this name
rows.map((row) => row, { removeColumns: ['text'] })
expectTypeOf(rows.filter(({ prompt }) => prompt !== '').select([0])).toEqualTypeOf<Dataset<PromptCompletion>>()
expectTypeOf(rows.trainTestSplit({ testSize: 0.1 }).train).toEqualTypeOf<Dataset<PromptCompletion>>()
