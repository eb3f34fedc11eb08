import { describe, expect, it } from 'vitest'
import { mul } from '../graph/ops/binary.js'
import { constant } from '../graph/ops/constant.js'
import { feed, input } from '../graph/ops/input.js'
import { writeRows } from '../graph/ops/write-rows.js'
import { rowWrites } from './row-writes.js'

const cache = input('state', 'cache', 'f32', [8, 2])
const [start, rows] = [feed('start', 'i32', []), feed('rows', 'f32', [1, 2])]

describe('rowWrites', () => {
  it('finds rows written into the slot’s own old value, and wants them and their start alone', () => {
    const [y, written] = [mul(rows, 2), writeRows(cache, start, rows, 0)]
    const { writes, wanted } = rowWrites({ name: 'decode', outputs: { y }, updates: { cache: written } })
    expect(writes.get('cache')).toBe(written.node)
    expect(wanted).toEqual([y, start, rows])
  })

  it('leaves what replaces a slot: another slot’s value, a computed one, no rows at all', () => {
    const none = constant(0, 'f32', [0, 2])
    const updates = {
      other: writeRows(cache, start, rows, 0),
      cache: writeRows(mul(cache, 2), start, rows, 0),
    }
    const { writes, wanted } = rowWrites({ name: 'decode', outputs: {}, updates })
    expect(writes.size).toBe(0)
    expect(wanted).toEqual(Object.values(updates))
    expect(
      rowWrites({ name: 'none', outputs: {}, updates: { cache: writeRows(cache, start, none, 0) } }).writes.size,
    ).toBe(0)
  })
})
