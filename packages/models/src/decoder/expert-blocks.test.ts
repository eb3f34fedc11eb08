import { feed, hostTensor, Random, reference } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { expertBlocks } from './expert-blocks.js'

describe('expertBlocks', () => {
  it.each([
    { tokens: 1, choices: 2, experts: 8 },
    { tokens: 7, choices: 2, experts: 3 },
    { tokens: 40, choices: 3, experts: 5 },
    { tokens: 64, choices: 1, experts: 2 },
  ])(
    'gives each choice a row of its token in a block of its expert: $tokens tokens, $choices of $experts',
    async (sizes) => {
      const { tokens, choices, experts } = sizes
      const random = new Random(3)
      for (const chosen of [
        chosenOf(sizes, (i) => random.at(`${i}`).uniform(experts, 1)),
        chosenOf(sizes, () => ramp(experts)),
      ]) {
        const input = hostTensor('i32', [tokens, choices], chosen.flat())
        const { tokens: rows, ...rest } = expertBlocks(feed('chosen', 'i32', input.shape), experts)
        const [blocks, height] = rows.shape as [number, number]
        const program = { name: 'blocks', outputs: { rows, ...rest } }
        const got = await (await reference().compile(program)).run({ feeds: { chosen: input } })
        const places = Array.from(got.places?.data ?? [], Number)
        expect(new Set(places).size).toBe(tokens * choices)
        expect(places.map((place) => Number(got.rows?.data[place]))).toEqual(
          places.map((_, i) => Math.floor(i / choices)),
        )
        expect(places.map((place) => Number(got.experts?.data[Math.floor(place / height)]))).toEqual(chosen.flat())
        expect(Math.max(...Array.from(got.experts?.data ?? [], Number))).toBeLessThan(experts)
        expect(blocks * height).toBeLessThanOrEqual(1.5 * tokens * choices)
      }
    },
  )
})

type Sizes = Readonly<Record<'tokens' | 'choices' | 'experts', number>>

// The experts with the largest numbers, token by token.
function chosenOf({ tokens, choices }: Sizes, numbers: (token: number) => ArrayLike<number>): number[][] {
  return Array.from({ length: tokens }, (_, token) => {
    const order = Array.from(numbers(token), (value, i) => [value, i] as const).sort(([a], [b]) => b - a)
    return order.slice(0, choices).map(([, i]) => i)
  })
}

// Every token wants the same ones: the most uneven choice there is.
function ramp(size: number): number[] {
  return Array.from({ length: size }, (_, i) => size - i)
}
