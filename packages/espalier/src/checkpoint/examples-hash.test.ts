import type { Examples } from '@espalier/data'
import { expect, it } from 'vitest'
import { examplesHash } from './examples-hash.js'

const hashOf = (...rows: unknown[]) =>
  examplesHash({ length: rows.length, example: async (index) => rows[index] } as Examples<unknown>)

it('tells examples apart by any value, and by their order', async () => {
  const loop: Record<string, unknown> = {}
  loop.itself = loop
  const different = [
    [],
    [{ inputIds: [1, 2], labels: 0 }],
    [{ inputIds: [1, 2], labels: 1 }],
    [{ inputIds: [1, 2], labels: '1' }],
    [{ inputIds: [12], labels: 1 }],
    [{ inputIds: [1, 2], attentionMask: 1 }],
    [{ inputIds: Int32Array.of(1, 2), labels: 1 }],
    [{ inputIds: Float32Array.of(1, 2), labels: 1 }],
    [{ inputIds: [1] }, { inputIds: [2] }],
    [{ inputIds: [2] }, { inputIds: [1] }],
    [{ offsets: [[0, 1], null] }],
    [{ offsets: [[0], [1], null] }],
    [loop],
  ]
  const hashes = await Promise.all(different.map((rows) => hashOf(...rows)))
  expect(new Set(hashes).size).toBe(different.length)
  expect(await hashOf({ inputIds: [1, 2], labels: 0 })).toBe(hashes[1])
})
