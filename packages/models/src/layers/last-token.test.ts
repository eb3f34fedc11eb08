import { feed, hostTensor, reference } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { idsOf } from '../fixtures/tiny-model.js'
import { lastTokens } from './last-token.js'

async function chosen(rows: readonly (readonly number[])[], padding: number | null): Promise<number[]> {
  const [batch, tokens] = [rows.length, rows[0]?.length ?? 0]
  const y = lastTokens(feed('hidden', 'f32', [batch, tokens, 1]), feed('ids', 'i32', [batch, tokens]), padding)
  const executable = await reference().compile({ name: 'last', outputs: { y } })
  const hidden = hostTensor(
    'f32',
    [batch, tokens, 1],
    Array.from({ length: batch * tokens }, (_, i) => i),
  )
  const feeds = { hidden, ...(padding === null ? {} : { ids: idsOf(rows) }) }
  return Array.from((await executable.run({ feeds })).y?.data ?? [], Number)
}

describe('lastTokens', () => {
  it('finds the last token before padding on the right, and the last column after padding on the left', async () => {
    expect(
      await chosen(
        [
          [4, 5, 0],
          [0, 5, 6],
        ],
        0,
      ),
    ).toEqual([1, 5])
  })

  it('takes the first column of a row of padding, and the last column when there is no padding id', async () => {
    expect(
      await chosen(
        [
          [0, 0, 0],
          [1, 2, 3],
        ],
        0,
      ),
    ).toEqual([0, 5])
    expect(await chosen([[0, 0, 0]], null)).toEqual([2])
  })

  it('refuses several rows when there is no padding id, as transformers does', async () => {
    const rows = [
      [5, 6, 0],
      [1, 2, 3],
    ]
    await expect(chosen(rows, null)).rejects.toMatchObject({ code: 'model.padding', details: { rows: 2 } })
  })
})
