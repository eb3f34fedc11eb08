import {
  feed,
  gradients,
  namedParameters,
  ParameterScope,
  reduceSum,
  reference,
  type Tensor,
  weightRequests,
} from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { idsOf, rounded, seededWeights } from '../fixtures/tiny-model.js'
import { tokenEmbedding } from './padded-embedding.js'

async function gradientOf(padding: number | null): Promise<number[]> {
  const table = tokenEmbedding(new ParameterScope(seededWeights), 'table', { rows: 4, size: 2, deviation: 1, padding })
  const loss = reduceSum(table.forward(feed('ids', 'i32', [1, 4])))
  const [parameter] = [...namedParameters(table).values()]
  const [gradient] = gradients(loss, [parameter?.value as Tensor])
  const backend = reference()
  const weights = await backend.loadWeights(weightRequests(table))
  const executable = await backend.compile({ name: 'gradient', outputs: { gradient: gradient as Tensor } }, { weights })
  const { gradient: got } = await executable.run({ feeds: { ids: idsOf([[3, 0, 3, 1]]) } })
  return rounded(got)
}

describe('tokenEmbedding', () => {
  it('lets every row learn that occurs', async () => {
    expect(await gradientOf(null)).toEqual([1, 1, 1, 1, 0, 0, 2, 2])
  })

  it('keeps the padding row from learning', async () => {
    expect(await gradientOf(3)).toEqual([1, 1, 1, 1, 0, 0, 0, 0])
  })

  it('refuses a padding id without a row, as torch does', async () => {
    for (const padding of [4, -5])
      await expect(gradientOf(padding)).rejects.toMatchObject({ code: 'model.config', details: { rows: 4 } })
  })

  it('counts a negative padding id from the end', async () => {
    expect(await gradientOf(-4)).toEqual([0, 0, 1, 1, 0, 0, 2, 2])
  })
})
