/**
 * LoHa: W' = W + s (A1 B1) * (A2 B2), elementwise, s = alpha / r. Source: arXiv:2108.06098 §2.2; formats and defaults: PEFT 0.21.
 * Legend: A1, A2 (out, r), B1, B2 (r, in), s the scale, a state tensor, so that another scale compiles nothing.
 */
import {
  add,
  type ConfigOf,
  constant,
  defineConfig,
  defineTuner,
  div,
  dropout,
  field,
  hostTensor,
  layerFields,
  linear,
  matmul,
  max,
  mul,
  patternFields,
  reduceMean,
  type Tensor,
  targetFields,
  valueAt,
  warnOfUnmatched,
} from '@espalier/core'

const fields = {
  /** Rank of each product; the update's may be its square. Default 8. */
  r: field.rank(8),
  /** The update is scaled by alpha / r. Default 8. */
  alpha: field.number(8),
  ...targetFields,
  ...layerFields,
  ...patternFields,
  /** Share of the update's rows that are dropped while training; the rest is scaled so that their mean is 1. Default 0. */
  rankDropout: field.share(0),
  /** Share of the passes in training that leave a layer as it is. Default 0. */
  moduleDropout: field.share(0),
  /** Says how convolutions are factorised; linear layers do not read it. */
  useEffectiveConv2d: field.flag(false),
  /** Default true: B2 is zero. False: all are uniform, so that the adapter changes the output at once. */
  initWeights: field.flag(true),
}

/** Settings of LoHa by PEFT's names in camelCase. */
export type LohaConfig = ConfigOf<typeof fields>

/** Tensors of LoHa at one layer. */
export type LohaState = Readonly<Record<'A1' | 'B1' | 'A2' | 'B2' | 'scaling', Tensor>>

/** The elementwise product of two low-rank matrices, for linear layers: `loha({ r: 8 })`. */
export const loha = defineTuner<LohaConfig, LohaState, 'scaling'>({
  kind: 'loha',
  layers: ['linear'],
  ...defineConfig(fields),
  resolve(config, context) {
    warnOfUnmatched(config, context)
    return config
  },
  fileKeys: { A1: 'hada_w1_a', B1: 'hada_w1_b', A2: 'hada_w2_a', B2: 'hada_w2_b' },
  create({ site, config, random }) {
    const rank = valueAt(site, config.rankPattern, config.r)
    const drawn = (name: string, rows: number, columns: number) =>
      hostTensor('f32', [rows, columns], random.at(name).uniform(rows * columns, 1 / Math.sqrt(columns)))
    return {
      A1: drawn('A1', site.outSize, rank),
      B1: drawn('B1', rank, site.inSize),
      A2: drawn('A2', site.outSize, rank),
      B2: config.initWeights ? hostTensor('f32', [rank, site.inSize]) : drawn('B2', rank, site.inSize),
    }
  },
  buffers({ site, config: { r, alpha, rankPattern, alphaPattern } }) {
    return { scaling: hostTensor('f32', [], [valueAt(site, alphaPattern, alpha) / valueAt(site, rankPattern, r)]) }
  },
  forward({ x, inner, state, config, site, context: { seed } }) {
    const change = seed === undefined ? changeOf(state) : dropped(changeOf(state), seed, config, site.path)
    return add(inner(x), linear(x, change))
  },
  merge: ({ weight, state }) => add(weight, changeOf(state)),
})

/** s (A1 B1) * (A2 B2): (out, in). */
function changeOf({ A1, B1, A2, B2, scaling }: LohaState): Tensor {
  return mul(mul(matmul(A1, B1), matmul(A2, B2)), scaling)
}

const SMALLEST = 1e-30 // where all rows are dropped, PEFT divides by 0

/** The change of one pass in training: without the rows that are dropped, or without any. */
function dropped(change: Tensor, seed: Tensor, config: LohaConfig, path: string): Tensor {
  const rows = dropout(constant(1, 'f32', [change.shape[0] as number, 1]), seed, config.rankDropout, `${path}.rank`)
  const passes = dropout(constant(1), seed, config.moduleDropout, `${path}.module`) // 0, or 1 / (1 - share)
  return mul(change, mul(div(rows, max(reduceMean(rows), SMALLEST)), mul(passes, 1 - config.moduleDropout)))
}
