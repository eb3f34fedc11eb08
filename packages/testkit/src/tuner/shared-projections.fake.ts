/**
 * A tuner whose layers share state: VeRA, arXiv:2310.11454 §3. W' = W + diag(b) B diag(d) A, where A, B are drawn once, are as large as the
 * largest layer needs, and do not train. Legend: A (r, largest in), B (largest out, r), d (r), b (out).
 */
import {
  add,
  defineTuner,
  hostTensor,
  linear,
  matmul,
  mul,
  Random,
  reshape,
  type Site,
  slice,
  type TargetConfig,
  type Tensor,
} from '@espalier/core'

interface Config extends TargetConfig {
  readonly projectionSeed: number
  readonly saveProjection: boolean
}
type Projections = { readonly A: Tensor; readonly B: Tensor }
type State = Projections & { readonly d: Tensor; readonly b: Tensor }

const RANK = 3

/** Vectors of each layer's own around random projections that all layers share. */
export const sharedProjections = defineTuner<Config, State, 'A' | 'B'>({
  kind: 'sharedprojections',
  parse: (raw) => ({
    targetModules: (raw.targetModules as string[] | null | undefined) ?? null,
    modulesToSave: (raw.modulesToSave as string[] | null | undefined) ?? null,
    projectionSeed: Number(raw.projectionSeed ?? 0),
    saveProjection: raw.saveProjection !== false,
  }),
  fileKeys: { d: 'vera_lambda_d', b: 'vera_lambda_b' },
  create: ({ site: { outSize } }) => ({
    d: hostTensor('f32', [RANK], new Float32Array(RANK).fill(0.1)),
    b: hostTensor('f32', [outSize]),
  }),
  shared: {
    fileKeys: ({ saveProjection }): Record<string, string> => (saveProjection ? { A: 'vera_A', B: 'vera_B' } : {}),
    create({ sites, config }) {
      // Not the adapter's seed: whoever loads it without the projections must draw the same ones.
      const random = new Random(config.projectionSeed)
      const inSize = Math.max(...sites.map((site) => site.inSize))
      const outSize = Math.max(...sites.map((site) => site.outSize))
      return {
        A: hostTensor('f32', [RANK, inSize], random.at('A').uniform(RANK * inSize, 1)),
        B: hostTensor('f32', [outSize, RANK], random.at('B').uniform(outSize * RANK, 1)),
      }
    },
  },
  merge: ({ weight, state, site }) => {
    const { A, B } = cut(state, site)
    return add(weight, mul(matmul(mul(B, state.d), A), reshape(state.b, [site.outSize, 1])))
  },
  forward: ({ x, inner, state, site }) => {
    const { A, B } = cut(state, site)
    return add(inner(x), mul(linear(mul(linear(x, A), state.d), B), state.b))
  },
})

function cut({ A, B }: Projections, { inSize, outSize }: Site): Projections {
  return { A: slice(A, [0, 0], [RANK, inSize]), B: slice(B, [0, 0], [outSize, RANK]) }
}
