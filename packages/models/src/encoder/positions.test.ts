import { feed, type HostTensor, passOf, reference } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { idsOf } from '../fixtures/tiny-model.js'
import { positionsAfterPadding } from './positions.js'

const ids = idsOf([
  [1, 1, 5, 3],
  [5, 1, 9, 1],
])

async function positionsOf(given: boolean): Promise<number[]> {
  const inputs = {
    input_ids: feed('input_ids', 'i32', [2, 4]),
    ...(given ? { position_ids: feed('own', 'i32', [2, 4]) } : {}),
  }
  const pass = passOf(inputs, false)
  const y = positionsAfterPadding(1)(pass.ids, pass.context)
  const executable = await reference().compile({ name: 'positions', outputs: { y } })
  const feeds: Readonly<Record<string, HostTensor>> = given
    ? {
        own: idsOf([
          [3, 2, 1, 0],
          [0, 0, 0, 0],
        ]),
      }
    : { input_ids: ids }
  return Array.from((await executable.run({ feeds })).y?.data ?? [], Number)
}

describe('positionsAfterPadding', () => {
  it("counts tokens from the number after the padding's, in every row, as transformers does", async () => {
    expect(await positionsOf(false)).toEqual([1, 1, 2, 3, 2, 1, 3, 1])
  })

  it('takes positions that were given', async () => {
    expect(await positionsOf(true)).toEqual([3, 2, 1, 0, 0, 0, 0, 0])
  })
})
