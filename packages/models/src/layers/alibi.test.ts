import {
  type Context,
  constant,
  feed,
  type HostTensor,
  hostTensor,
  iota,
  passOf,
  reference,
  Trace,
} from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { alibi, alibiSlopes } from './alibi.js'

const mask = hostTensor('i32', [2, 4], [0, 1, 0, 1, 1, 1, 1, 1])

async function biasOf(context: Context, keys: number, feeds: Record<string, HostTensor>): Promise<number[]> {
  const y = alibi({ heads: 1, dtype: 'f32' }, context)(iota([1], 0), iota([keys], 0))
  const executable = await reference().compile({ name: 'alibi', outputs: { y } })
  return Array.from((await executable.run({ feeds })).y?.data ?? [], (x) => Number(x) * 256)
}

describe('alibi', () => {
  it("has transformers' slopes", () => {
    expect(alibiSlopes(8)).toEqual([0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125, 0.00390625])
    // build_alibi_tensor of transformers' BLOOM, in float32
    expect(alibiSlopes(6)).toEqual([0.25, 0.0625, 0.015625, 0.00390625, 0.5, 0.125])
    expect(alibiSlopes(12).slice(8)).toEqual([
      0.7071067690849304, 0.3535533845424652, 0.1767766773700714, 0.0883883386850357,
    ])
    expect(alibiSlopes(1)).toEqual([0.00390625])
  })

  it('counts keys that are no padding, wherever it is', async () => {
    const ids = feed('input_ids', 'i32', [2, 4])
    const { context } = passOf({ input_ids: ids, attention_mask: feed('mask', 'i32', [2, 4]) }, true)
    expect(await biasOf(context, 4, { mask })).toEqual([0, 0, 0, 1, 0, 1, 2, 3])
    expect(await biasOf(passOf({ input_ids: ids }, true).context, 4, {})).toEqual([0, 1, 2, 3])
  })

  it('counts keys in front of the own ones', async () => {
    const { context } = passOf(
      { input_ids: feed('input_ids', 'i32', [2, 4]), attention_mask: feed('mask', 'i32', [2, 4]) },
      true,
    )
    expect(await biasOf(context, 6, { mask })).toEqual([0, 1, 1, 2, 2, 3, 0, 1, 2, 3, 4, 5])
  })

  it('counts slots of a cache, and new keys from those that it holds', async () => {
    const keep = feed('keep', 'bool', [2, 4])
    const context: Context = {
      batch: 2,
      length: 1,
      positions: iota([1, 1], 1),
      hasGivenPositions: true,
      mask: { causal: true },
      cache: { slots: 4, filled: constant(2, 'i32'), keep },
      trace: new Trace(),
    }
    const feeds = { keep: hostTensor('bool', [2, 4], [0, 1, 1, 1, 1, 1, 1, 1]) }
    const y = alibi({ heads: 1, dtype: 'f32' }, context)
    const keys = iota([3], 0) // the third stands for the new one
    const executable = await reference().compile({ name: 'alibi', outputs: { y: y(iota([1], 0), keys) } })
    const got = (await executable.run({ feeds })).y
    expect(Array.from(got?.data ?? [], (x) => Number(x) * 256)).toEqual([0, 0, 1, 0, 1, 2])
  })
})
