import { Random } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { blockwiseCodes } from './blockwise.js'
import { type CodeTable, fourBitTable, signedDynamic, unsignedDynamic } from './tables.js'

const tables: readonly (readonly [string, CodeTable])[] = [
  ['nf4', fourBitTable('nf4')],
  ['fp4', fourBitTable('fp4')],
  ['signed dynamic', signedDynamic],
  ['unsigned dynamic', unsignedDynamic],
]

describe('blockwiseCodes', () => {
  it.each(tables)('%s: every value takes the code above each bound that is smaller than it', (_, table) => {
    const random = new Random(2)
    const small = Float32Array.from(random.uniform(4096, 1), (x, i) => x * 2 ** -(i % 30))
    const atBounds = [...table.bounds.subarray(0, -1)]
    const values = Float32Array.of(1, ...small, ...atBounds, ...atBounds.map((x) => x + 2 ** -26))
    const { codes, absmax } = blockwiseCodes(values, table, values.length, 'x')
    expect([...absmax]).toEqual([1])
    const want = values.map((x) => table.order[atBounds.filter((bound) => bound < x).length] as number)
    expect([...codes]).toEqual([...want])
  })
})
