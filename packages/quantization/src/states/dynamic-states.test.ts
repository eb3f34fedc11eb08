import { feed, hostTensor, Random, reference, type Tensor } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { blockwiseCodes } from '../codes/blockwise.js'
import { type CodeTable, signedDynamic, unsignedDynamic } from '../codes/tables.js'
import { dynamicStates } from './dynamic-states.js'

const BLOCK = 256

describe('dynamicStates', () => {
  const random = new Random(3)
  // Whole blocks and a short one; magnitudes over all exponents of the code; a block of zeros.
  const values = Float32Array.from(random.uniform(5 * BLOCK + 70, 1), (x, i) => x * 10 ** -(i % 9))
  values.fill(0, 2 * BLOCK, 3 * BLOCK)

  it.each([
    ['signed', true, signedDynamic, values],
    ['unsigned', false, unsignedDynamic, values.map(Math.abs)],
  ] as const)('%s: packs as the host packs, and unpacks what codes stand for', async (_, signed, table, floats) => {
    const x = feed('x', 'f32', [floats.length])
    const { codes, scales } = dynamicStates.pack(x, signed)
    const got = await run({ codes, scales, back: dynamicStates.unpack(codes, scales, signed) }, floats)
    const want = blockwiseCodes(floats, table, BLOCK, 'x')
    expect(got.codes).toEqual([...want.codes])
    expect(got.scales).toEqual([...want.absmax])
    const decoded = Array.from(want.codes, (code, i) =>
      decode(table, code, want.absmax[Math.floor(i / BLOCK)] as number),
    )
    expect(got.back).toEqual(decoded)
  })

  it('packs states that are less than one block', async () => {
    const floats = Float32Array.of(0.5, -0.25, 0)
    const { codes, scales } = dynamicStates.pack(feed('x', 'f32', [3]), true)
    const got = await run({ codes, scales }, floats)
    expect(got.codes).toEqual([...blockwiseCodes(floats, signedDynamic, BLOCK, 'x').codes])
    expect(got.scales).toEqual([0.5])
  })
})

function decode({ values }: CodeTable, code: number, scale: number): number {
  return Math.fround((values[code] as number) * scale)
}

async function run(outputs: Record<string, Tensor>, x: Float32Array): Promise<Record<string, number[]>> {
  const executable = await reference().compile({ name: 'states', outputs })
  const found = await executable.run({ feeds: { x: hostTensor('f32', [x.length], x) } })
  return Object.fromEntries(Object.entries(found).map(([name, value]) => [name, [...(value?.data ?? [])]]))
}
