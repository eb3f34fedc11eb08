/** Prepared examples as rows that hold several of them. Which share a row is left to pack-sequences.ts; how rows become feeds, to collate/. */
import type { Examples } from '../collate/data-collator.js'
import { IGNORED } from '../ignored-label.js'
import type { SupervisedExample } from '../sft/prepare.js'
import { type PackedPart, type PackedRow, type PackingOptions, packSequences } from './pack-sequences.js'

/** A packed row: ids and labels of all its documents, in order. */
export interface PackedExample extends SupervisedExample {
  /** Lengths of the documents; undefined where they are one stretch that attends across them (`wrapped`). */
  readonly seqLengths?: readonly number[]
}

/** Packs examples. The first label of a document never counts, nor does what a part before it would predict. Throws config.value. */
export async function packExamples(
  data: Examples<SupervisedExample>,
  options: PackingOptions,
): Promise<Examples<PackedExample>> {
  const rows = packSequences(data.lengths, options)
  const isApart = options.strategy !== 'wrapped'
  const counts = new Int32Array(rows.length)
  for (const [row, parts] of rows.entries())
    for (const [at, part] of parts.entries())
      counts[row] = (counts[row] as number) + (await countOf(data, part, isApart || at === 0))
  return {
    length: rows.length,
    lengths: Int32Array.from(rows, (parts) => parts.reduce((sum, part) => sum + part.end - part.start, 0)),
    counts,
    ...(data.warnings === undefined ? {} : { warnings: data.warnings }),
    example: (row) => packed(data, rows[row] as PackedRow, isApart),
  }
}

/** Labels of a part that count; nothing predicts the first where the part begins what is attended to. */
async function countOf(
  data: Examples<SupervisedExample>,
  { sequence, start, end }: PackedPart,
  isFirst: boolean,
): Promise<number> {
  const isWhole = start === 0 && end === data.lengths[sequence]
  if (isWhole && isFirst) return data.counts[sequence] as number
  const { labels } = await data.example(sequence)
  return labels
    .subarray(isFirst ? start + 1 : start, end)
    .reduce((count, label) => count + (label === IGNORED ? 0 : 1), 0)
}

async function packed(data: Examples<SupervisedExample>, parts: PackedRow, isApart: boolean): Promise<PackedExample> {
  const length = parts.reduce((sum, { start, end }) => sum + end - start, 0)
  const [inputIds, labels] = [new Int32Array(length), new Int32Array(length)]
  let at = 0
  for (const { sequence, start, end } of parts) {
    const example = await data.example(sequence)
    inputIds.set(example.inputIds.subarray(start, end), at)
    labels.set(example.labels.subarray(start, end), at)
    at += end - start
  }
  return { inputIds, labels, ...(isApart ? { seqLengths: parts.map(({ start, end }) => end - start) } : {}) }
}
