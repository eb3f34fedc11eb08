import {
  constant,
  contractedSize,
  ExpertLinear,
  feed,
  GivenWeight,
  gradients,
  type HostTensor,
  hostTensor,
  inlineCalls,
  isOp,
  Linear,
  Module,
  ParameterScope,
  passOf,
  Random,
  reduceSum,
  reference,
  silu,
  simplify,
  sizeOf,
  type Tensor,
  topologicalOrder,
} from '@espalier/core'
import { checkGradients } from '@espalier/testkit'
import { describe, expect, it } from 'vitest'
import { seededWeights } from '../fixtures/tiny-model.js'
import { FusedGatedMlp } from './fused-gated-mlp.js'
import { type MixtureSettings, SparseMoe, sparseMoe } from './sparse-moe.js'

const HIDDEN = 8
const INNER = 12
const settings: MixtureSettings = {
  hiddenSize: HIDDEN,
  innerSize: INNER,
  expertCount: 4,
  chosenCount: 2,
  isNormalized: true,
  activation: silu,
  deviation: 0.02,
  files: { router: '', expert: () => ({ gate: '', up: '', down: '' }) },
}

function mixture(own: Partial<MixtureSettings>) {
  return sparseMoe({ ...settings, ...own }, new ParameterScope(seededWeights).at('mlp'))
}

const contextOf = (tokens: number, seed?: Tensor) => ({
  ...passOf({ input_ids: feed('ids', 'i32', [1, tokens]) }, true).context,
  ...(seed && { seed }),
})

/** Multiply-adds of the matrix products below. */
function multiplyAdds(roots: readonly Tensor[]): number {
  return topologicalOrder(inlineCalls(roots)).reduce(
    (sum, node) => sum + (isOp(node, 'matmul') ? sizeOf((node.outputs[0] as Tensor).shape) * contractedSize(node) : 0),
    0,
  )
}

describe('SparseMoe', () => {
  describe.each([1, 64])('with %d tokens', (tokens) => {
    const x = feed('x', 'f32', [1, tokens, HIDDEN])
    const made = (own: Partial<MixtureSettings>) => mixture(own).forward(x, contextOf(tokens))
    const perChoice = 3 * HIDDEN * INNER

    it.each([
      [4, 1],
      [4, 2],
      [64, 2],
      [64, 8],
    ])('of %d experts, %d each: costs these, and at most half as much again', (expertCount, chosenCount) => {
      const router = tokens * HIDDEN * expertCount
      const active = tokens * chosenCount * perChoice
      const y = made({ expertCount, chosenCount })
      const forward = multiplyAdds([y]) - router
      expect(forward).toBeGreaterThanOrEqual(active)
      expect(forward).toBeLessThanOrEqual(1.5 * active)
      // The backward to its input costs as much again.
      const both = multiplyAdds([y, ...gradients(reduceSum(y), [x])]) - 2 * router
      expect(both).toBe(2 * forward)
    })

    it('holds no matrix of an expert from the forward to the backward', () => {
      const y = made({})
      const [slope] = gradients(reduceSum(y), [x]) as [Tensor]
      const picked = (roots: readonly Tensor[]) =>
        topologicalOrder(simplify(inlineCalls(roots))).filter(
          (node) => node.op === 'gatherRows' && node.inputs[0]?.shape.length === 3,
        )
      const forward = new Set(picked([y]))
      expect(forward.size).toBe(2)
      expect(picked([y, slope])).toHaveLength(4)
    })
  })

  it.each([true, false])('has the gradients of central differences, weights normalised: %s', async (isNormalized) => {
    const tokens = 14
    const random = new Random(2)
    const normal = (name: string, ...shape: readonly number[]) =>
      hostTensor('f32', shape, random.at(name).normal(sizeOf(shape), 0.5))
    const feeds = {
      x: normal('x', 1, tokens, HIDDEN),
      gate: normal('gate', 4, HIDDEN),
      gateUp: normal('gateUp', 4, 2 * INNER, HIDDEN),
      down: normal('down', 4, HIDDEN, INNER),
    }
    await checkGradients({
      name: 'mixture',
      feeds,
      build: (...inputs) => {
        const [x, gate, gateUp, down] = inputs as [Tensor, Tensor, Tensor, Tensor]
        const experts = (weight: Tensor) => new ExpertLinear(new GivenWeight(weight))
        const mlp = new FusedGatedMlp(experts(gateUp), experts(down), silu)
        const own = new SparseMoe(new Linear(new GivenWeight(gate), null), mlp, {
          expertCount: 4,
          chosenCount: 2,
          isNormalized,
          path: 'mlp',
        })
        return [own.forward(x, contextOf(tokens))]
      },
    })
  })

  it('multiplies what it reads by numbers around 1 while it trains, and only then', async () => {
    const shape = [1, 64, HIDDEN]
    // Experts that give what they read: the output is the input, times what it was multiplied by.
    const gate = new Linear(new GivenWeight(constant(0, 'f32', [4, HIDDEN])), null)
    const jitter = { size: 0.25, site: 'mlp.jitter' }
    const module = new SparseMoe(gate, new Same(), {
      expertCount: 4,
      chosenCount: 2,
      isNormalized: true,
      jitter,
      path: 'mlp',
    })
    const factors = async (seed?: number) => {
      const given = seed === undefined ? undefined : feed('seed', 'u32', [])
      const y = module.forward(constant(1, 'f32', shape), contextOf(64, given))
      const feeds: Record<string, HostTensor> = seed === undefined ? {} : { seed: hostTensor('u32', [], [seed]) }
      return Array.from(
        (await (await reference().compile({ name: 'jitter', outputs: { y } })).run({ feeds })).y?.data ?? [],
        Number,
      )
    }
    expect(new Set(await factors())).toEqual(new Set([1]))
    const [first, again, other] = [await factors(1), await factors(1), await factors(2)]
    expect(again).toEqual(first)
    expect(other).not.toEqual(first)
    const [least, most] = [Math.min(...first), Math.max(...first)]
    expect(least).toBeGreaterThanOrEqual(0.75)
    expect(least).toBeLessThan(0.76)
    expect(most).toBeLessThanOrEqual(1.25)
    expect(most).toBeGreaterThan(1.24)
    expect(first.reduce((sum, x) => sum + x, 0) / first.length).toBeCloseTo(1, 1)
  })
})

class Same extends Module {
  forward(x: Tensor): Tensor {
    return x
  }
}
