/** Small tuners for tests of the suite itself: two that are right, and one whose gradient is not. */
import {
  add,
  type CallDefinition,
  call,
  defineTuner,
  hostTensor,
  type LayerTuner,
  linear,
  matmul,
  mul,
  type TargetConfig,
  type Tensor,
} from '@espalier/core'

interface LowRankConfig extends TargetConfig {
  readonly rank: number
  readonly loud: boolean
}

type Factors = { readonly a: Tensor; readonly b: Tensor; readonly scale: Tensor }

/** W' = W + scale b a. Legend: a (rank, in), b (out, rank). */
export const lowRank = defineTuner<LowRankConfig, Factors, 'scale'>({
  kind: 'lowrank',
  parse: (raw) => ({ ...targetsOf(raw), rank: Number(raw.rank ?? 2), loud: raw.loud === true }),
  fileKeys: { a: 'low_a.weight', b: 'low_b.weight' },
  create: ({ site, config: { rank, loud }, random }) => ({
    a: hostTensor('f32', [rank, site.inSize], random.at('a').uniform(rank * site.inSize, 0.5)),
    b: hostTensor('f32', [site.outSize, rank], random.at('b').uniform(rank * site.outSize, loud ? 0.5 : 0)),
  }),
  buffers: () => ({ scale: hostTensor('f32', [], [0.5]) }),
  forward: ({ x, inner, state: { a, b, scale } }) => add(inner(x), mul(linear(linear(x, a), b), scale)),
  merge: ({ weight, state: { a, b, scale } }) => add(weight, mul(matmul(b, a), scale)),
})

/** y' = y (1 + l), a factor for each output, without merge. */
export const rescale = defineTuner<TargetConfig, { readonly l: Tensor }>({
  kind: 'rescale',
  parse: targetsOf,
  fileKeys: { l: 'rescale_l' },
  create: ({ site }) => ({ l: hostTensor('f32', [site.outSize]) }),
  forward: ({ x, inner, state: { l } }) => mul(inner(x), add(l, 1)),
})

// Doubles, and says so with a derivative that is 10 % too large.
const doubled: CallDefinition = {
  name: 'testkit.doubled',
  body: ([x]) => [mul(x as Tensor, 2)],
  pullback: ({ cotangents: [g] }) => [mul(g as Tensor, 2.2)],
}

/** The low-rank update through a call with a wrong pullback. */
export const wrongPullback: LayerTuner = {
  ...(lowRank as LayerTuner),
  forward: ({ x, inner, state }) => {
    const { a, b, scale } = state as { a: Tensor; b: Tensor; scale: Tensor }
    const half = mul(linear(linear(x, a), b), mul(scale, 0.5))
    return add(inner(x), call(doubled, [half], {})[0] as Tensor)
  },
}

function targetsOf(raw: Readonly<Record<string, unknown>>): TargetConfig {
  return {
    targetModules: (raw.targetModules as string[] | null | undefined) ?? null,
    modulesToSave: (raw.modulesToSave as string[] | null | undefined) ?? null,
  }
}
