/** The data set of the quickstart, made from words and templates by a seed. */
import { Random } from '@espalier/core'
import { HELD_OUT_TEMPLATES, type Templates, TRAIN_TEMPLATES } from './templates.js'
import { NAMES, THINGS } from './words.js'

/** A sentence and its record. */
export interface Row {
  readonly prompt: string
  readonly completion: string
}

const SEED = 7
const TRAIN_ROWS = 3000
const HELD_OUT_ROWS = 240

/** The data set's files by name, as JSON lines. */
export function dataFiles(): Map<string, string> {
  const lines = (rows: readonly Row[]) => `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`
  return new Map([
    ['train.jsonl', lines(makeRows('train', TRAIN_TEMPLATES, TRAIN_ROWS))],
    ['held-out.jsonl', lines(makeRows('heldOut', HELD_OUT_TEMPLATES, HELD_OUT_ROWS))],
  ])
}

/** So many different rows. */
export function makeRows(split: 'train' | 'heldOut', templates: Templates, count: number): Row[] {
  const rows = new Map<string, Row>()
  for (let i = 0; rows.size < count; i++) {
    const row = makeRow(new Random(SEED).at(`${split} ${i}`), split, templates)
    rows.set(row.prompt, row)
  }
  return [...rows.values()]
}

function makeRow(random: Random, split: 'train' | 'heldOut', { beginnings, middles, ends }: Templates): Row {
  const pick = (name: string, items: readonly string[]) =>
    items[random.at(name).permutation(items.length)[0] ?? 0] as string
  const names = random.at('names').permutation(NAMES[split].length)
  const [giver, taker] = [0, 1].map((i) => NAMES[split][names[i] ?? 0] as string)
  const gift = pick('gift', THINGS[split])
  const middle = pick('middle', middles)
    .replace('<giver>', giver as string)
    .replace('<taker>', taker as string)
    .replace('<gift>', gift)
  return {
    prompt: `${pick('beginning', beginnings)} ${middle}${pick('end', ends)}\n`,
    completion: `from: ${giver}; to: ${taker}; gift: ${gift}`,
  }
}
