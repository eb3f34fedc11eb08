/** Packing by lengths; TRL's own rows are held against it in the golden cases, and here where ESPALIER_PYTHON names a Python that has TRL. */
import { execFileSync } from 'node:child_process'
import { Random } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { type PackedRow, packingStrategies, packSequences } from './pack-sequences.js'

const ROOM = 48

const lengths = Array.from(new Random(5).at('lengths').permutation(2600), (x) => x % 70)

const lengthsOf = (rows: readonly PackedRow[]) => rows.map((parts) => parts.map(({ start, end }) => end - start))

describe.each(packingStrategies)('%s', (strategy) => {
  const rows = packSequences(lengths, { maxLength: ROOM, strategy })
  const taken = lengths.map(() => 0)
  for (const { sequence, start, end } of rows.flat()) {
    expect(start).toBe(taken[sequence]) // no token twice, none left out
    taken[sequence] = end
  }

  it('has every token of every sequence once, or its start alone', () => {
    const cuts = strategy === 'bfd' || strategy === 'ffd'
    expect(taken).toEqual(lengths.map((length) => (cuts ? Math.min(length, ROOM) : length)))
  })

  it('fills no row beyond its room, and has no empty part', () => {
    const sizes = lengthsOf(rows)
    expect(sizes.flat().every((size) => size > 0)).toBe(true)
    expect(Math.max(...sizes.map((parts) => parts.reduce((a, b) => a + b)))).toBe(ROOM)
  })

  it('leaves less than one part in fifty empty', () => {
    const tokens = lengthsOf(rows)
      .flat()
      .reduce((a, b) => a + b)
    expect(tokens / (rows.length * ROOM)).toBeGreaterThan(0.98)
  })

  it('never mixes sequences that datasets would give TRL apart', () => {
    for (const parts of rows) expect(new Set(parts.map(({ sequence }) => Math.floor(sequence / 1000))).size).toBe(1)
  })
})

it('takes the first row that has room, or the fullest', () => {
  const sizes = [6, 5, 4, 3, 3, 2]
  expect(lengthsOf(packSequences(sizes, { maxLength: 9, strategy: 'ffd' }))).toEqual([
    [6, 3],
    [5, 4],
    [3, 2],
  ])
  expect(lengthsOf(packSequences([7, 5, 2], { maxLength: 9, strategy: 'ffd' }))).toEqual([[7, 2], [5]])
  expect(lengthsOf(packSequences([5, 7, 2], { maxLength: 9 }))).toEqual([[7, 2], [5]])
  expect(lengthsOf(packSequences([6, 4, 2, 2], { maxLength: 8 }))).toEqual([
    [6, 2],
    [4, 2],
  ])
})

it('has no rows where there is nothing', () => {
  for (const strategy of packingStrategies) {
    expect(packSequences([], { maxLength: 8, strategy })).toEqual([])
    expect(packSequences([0, 0], { maxLength: 8, strategy })).toEqual([])
  }
})

it.each([{ maxLength: 0 }, { maxLength: 1.5 }, { maxLength: 8, strategy: 'best' as never }])(
  'refuses %o',
  (options) => {
    expect(() => packSequences([3], options)).toThrow(expect.objectContaining({ code: 'config.value' }))
  },
)

const { ESPALIER_PYTHON: python } = process.env
if (python === undefined) console.log('ESPALIER_PYTHON is not set: rows were not packed by TRL itself')

const SCRIPT = `
import json, sys
from datasets import Dataset
from trl import pack_dataset
request = json.load(sys.stdin)
rows = [[sequence * 100 + i for i in range(length)] for sequence, length in enumerate(request["lengths"])]
out = {}
for strategy in ("bfd", "bfd_split", "wrapped"):
    out[strategy] = pack_dataset(Dataset.from_dict({"input_ids": rows}), request["room"], strategy)["input_ids"][:]
json.dump(out, sys.stdout)
`

it.runIf(python !== undefined)('packs thousands of sequences as TRL does', { timeout: 5 * 60_000 }, () => {
  const input = JSON.stringify({ lengths, room: ROOM })
  const answer = execFileSync(python as string, ['-c', SCRIPT], {
    input,
    maxBuffer: 1 << 28,
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const theirs = JSON.parse(answer.toString()) as Record<'bfd' | 'bfd_split' | 'wrapped', number[][]>
  for (const strategy of ['bfd', 'bfd_split', 'wrapped'] as const) {
    const ours = packSequences(lengths, { maxLength: ROOM, strategy }).map((parts) =>
      parts.flatMap(({ sequence, start, end }) =>
        Array.from({ length: end - start }, (_, i) => sequence * 100 + start + i),
      ),
    )
    // TRL 1.13's `wrapped` gives the first thousand again in place of every later one.
    const own = strategy === 'wrapped' ? (row: readonly number[]) => row.every((id) => id < 1000 * 100) : () => true
    const compared = ours.filter(own)
    expect(compared.length).toBeGreaterThan(600)
    expect(compared, strategy).toEqual(theirs[strategy].slice(0, compared.length))
    expect(theirs[strategy], strategy).toHaveLength(ours.length)
  }
})
