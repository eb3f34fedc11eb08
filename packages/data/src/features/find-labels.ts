/** Labels as the rows of data sets have them: their names, or how many they are. What a model knows of them is left to who asks. */

import { EspalierError, turns } from '@espalier/core'
import type { Dataset } from '../dataset/dataset.js'
import type { DataRow } from '../dataset/formats.js'
import { IGNORED } from '../ignored-label.js'
import { labelNumber, requireFlags } from './label-numbers.js'

/** What was found. */
export interface FoundLabels {
  /** One label of several, several that may hold at once, or numbers to learn. */
  readonly kind: 'one' | 'several' | 'numbers'
  /** Of numbers to learn 1, of several at once as many as a row has numbers; otherwise the names, or one more than the largest label. */
  readonly count: number
  /** Where rows name their labels: each once, in Python's order. */
  readonly names: readonly string[] | null
  /** Of whole numbers, how many places below the count no row has; otherwise 0. */
  readonly unused: number
}

/** How labels are looked for. */
export interface FindLabelsOptions {
  /** A label for the row, or one for each word. Default 'row'. */
  readonly of?: 'row' | 'token'
  readonly signal?: AbortSignal
}

/**
 * The labels of all rows under `label`, `labels` or, of words, `ner_tags`: texts are names, whole numbers are places, other numbers are to
 * be learnt, and a row with a list has a flag for each of the labels, which may hold at once. Blank texts are none. Undefined where no row
 * has one. As transformers' run_classification and run_ner find them, but for whole numbers with gaps, of which those number the distinct
 * ones in order. Throws data.row for a label that is too large to be a place and for a list that is no flags, what reading throws, or the
 * signal's reason.
 */
export async function findLabels(
  datasets: readonly Dataset<DataRow>[],
  { of = 'row', signal }: FindLabelsOptions = {},
): Promise<FoundLabels | undefined> {
  const tally = new LabelTally()
  const rest = turns()
  for (const dataset of datasets)
    for await (const { row, label: place } of dataset.placedRows()) {
      signal?.throwIfAborted()
      const given = row.labels ?? row.label ?? (of === 'token' ? row.ner_tags : undefined)
      if (of === 'row' && Array.isArray(given)) tally.addList(given, place)
      else for (const label of [given].flat()) tally.add(label, place)
      await rest()
    }
  return tally.found()
}

class LabelTally {
  private readonly texts = new Set<string>()
  private readonly places = new Set<number>()
  private isNamed = false
  private hasFraction = false
  private largest = -1
  private tooLarge: EspalierError | undefined
  private listLength: number | undefined

  addList(list: readonly unknown[], place: string): void {
    const { length } = requireFlags(list, place)
    this.listLength ??= length
  }

  add(label: unknown, place: string): void {
    if (typeof label === 'string' && label.trim() === '') return
    const value = labelNumber(label)
    if (typeof label === 'string') this.texts.add(label)
    if (typeof value === 'string') this.isNamed = true
    if (typeof value !== 'number' || Number.isNaN(value) || value === IGNORED) return
    if (!Number.isInteger(value)) this.hasFraction = true
    else if (value > LARGEST) this.tooLarge ??= tooLarge(value, place)
    else if (value >= 0) {
      this.places.add(value)
      this.largest = Math.max(this.largest, value)
    }
  }

  found(): FoundLabels | undefined {
    if (this.listLength !== undefined) return { kind: 'several', count: this.listLength, names: null, unused: 0 }
    if (this.isNamed) {
      const names = [...this.texts].sort(byCharacters)
      return { kind: 'one', count: names.length, names, unused: 0 }
    }
    if (this.hasFraction) return { kind: 'numbers', count: 1, names: null, unused: 0 }
    if (this.tooLarge !== undefined) throw this.tooLarge
    const count = this.largest + 1
    return count === 0 ? undefined : { kind: 'one', count, names: null, unused: count - this.places.size }
  }
}

const LARGEST = 99_999 // of a place; a head of more labels is a mistake, and its weights alone would fill the memory

function tooLarge(label: number, place: string): EspalierError {
  return new EspalierError('data.row', {
    what: 'a label is a whole number that is too large to be one of several labels',
    got: { row: place, label },
    fix: 'Number the labels from 0 on, or name them with texts',
  })
}

// Python's order: by code points, not by the units that JavaScript compares.
function byCharacters(a: string, b: string): number {
  const [left, right] = [Array.from(a), Array.from(b)]
  const at = left.findIndex((character, i) => character !== right[i])
  if (at < 0) return left.length - right.length
  return (left[at]?.codePointAt(0) ?? -1) - (right[at]?.codePointAt(0) ?? -1)
}
