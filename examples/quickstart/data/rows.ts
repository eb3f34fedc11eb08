/** The data set of the quickstart, made from words and templates by a seed. */
import { Random } from '@espalier/core'
import { HELD_OUT_TEMPLATES, type Templates, TRAIN_TEMPLATES } from './templates.js'
import { COUNTS, NAMES, PLACES, THINGS } from './words.js'

/** A sentence and its record. */
export interface Row {
  readonly prompt: string
  readonly completion: string
}

const SEED = 9
const TRAIN_ROWS = 10_000 // about two rounds of the run: fewer rows are learnt by heart
const HELD_OUT_ROWS = 240

/** The data set's files by name, as JSON lines. */
export function dataFiles(): Map<string, string> {
  const lines = (rows: readonly Row[]) => `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`
  const heldOut = makeRows('heldOut', HELD_OUT_TEMPLATES, HELD_OUT_ROWS, new Set())
  const records = new Set(heldOut.map(({ completion }) => completion))
  return new Map([
    ['train.jsonl', lines(makeRows('train', TRAIN_TEMPLATES, TRAIN_ROWS, records))],
    ['held-out.jsonl', lines(heldOut)],
  ])
}

/** So many different rows, none with a record in `taken`. */
export function makeRows(
  split: 'train' | 'heldOut',
  templates: Templates,
  count: number,
  taken: ReadonlySet<string>,
): Row[] {
  const rows = new Map<string, Row>()
  for (let i = 0; rows.size < count; i++) {
    const row = makeRow(new Random(SEED).at(`${split} ${i}`), NAMES[split], templates)
    if (!taken.has(row.completion)) rows.set(row.prompt, row)
  }
  return [...rows.values()]
}

function makeRow(random: Random, names: readonly string[], { beginnings, middles, ends }: Templates): Row {
  const pick = (name: string, items: readonly string[]) =>
    items[random.at(name).permutation(items.length)[0] ?? 0] as string
  const [thing, count, place] = [pick('thing', THINGS), pick('count', COUNTS), pick('place', PLACES)]
  const middle = pick('middle', middles)
    .replace('<name>', pick('person', names))
    .replace('<thing>', thing)
    .replace('<count>', count)
    .replace('<place>', place)
  return {
    prompt: `${pick('beginning', beginnings)} ${middle}${pick('end', ends)}\n`,
    completion: `what: ${thing}; how many: ${count}; where: ${place}`,
  }
}
