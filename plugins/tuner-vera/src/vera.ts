/**
 * VeRA: W' = W + diag(b) B diag(d) A, where A and B are drawn once, are as large as the largest layer needs, and do not train. Source:
 * arXiv:2310.11454 §3; formats and defaults: PEFT 0.21. Legend: A (r, largest in), B (largest out, r), d (r), b (out).
 */
import {
  add,
  type ConfigOf,
  defineConfig,
  defineTuner,
  dropout,
  field,
  hostTensor,
  layerFields,
  linear,
  matmul,
  mul,
  reshape,
  type Site,
  slice,
  type Tensor,
  targetFields,
  withFanInFanOut,
} from '@espalier/core'
import { torchUniform } from './torch-uniform.js'

const { targetModules, modulesToSave } = targetFields

const fields = {
  /** Rows of A and columns of B. Default 256: more than LoRA's rank, since only vectors train. */
  r: field.rank(256),
  targetModules,
  modulesToSave,
  ...layerFields,
  /** Seed of the projections, as PyTorch draws them. Default 0. */
  projectionPrngKey: field.count(0),
  /** Whether the file holds the projections; else they are drawn again. Default true. */
  saveProjection: field.flag(true),
  /** Share of the input that is dropped before A while training, from 0 to below 1. Default 0. */
  veraDropout: field.share(0),
  /** Where d starts. Default 0.1. */
  dInitial: field.float(0.1),
  /** Whether weights are stored as (in, out), as in GPT-2. Corrected by the layers that are found. */
  fanInFanOut: field.flag(false),
  /** Biases of the base model that train too: none, all, or those of targeted layers. Default 'none'. */
  bias: field.bias('vera_only'),
  /** Default true: b is zero. False: b is one and d normal, so that the adapter changes the output at once. */
  initWeights: field.flag(true),
}

/** Settings of VeRA by PEFT's names in camelCase. */
export type VeraConfig = ConfigOf<typeof fields>

/** Tensors of VeRA at one layer, with the projections that all layers share. */
export type VeraState = Readonly<Record<'A' | 'B' | 'd' | 'b', Tensor>>

/** Learned vectors around random projections: `vera({ r: 256 })`. */
export const vera = defineTuner<VeraConfig, VeraState, 'A' | 'B'>({
  kind: 'vera',
  ...defineConfig(fields),
  defaultTargets: (modelType) => (modelType === 'phi' ? ['q_proj', 'v_proj'] : undefined),
  resolve: withFanInFanOut,
  fileKeys: { d: 'vera_lambda_d', b: 'vera_lambda_b' },
  create({ site, config: { r, dInitial, initWeights }, random }) {
    const start = initWeights ? new Float32Array(r).fill(dInitial) : random.at('d').normal(r, 1)
    return {
      d: hostTensor('f32', [r], start),
      b: hostTensor('f32', [site.outSize], new Float32Array(site.outSize).fill(initWeights ? 0 : 1)),
    }
  },
  shared: {
    fileKeys: ({ saveProjection }): Record<string, string> => (saveProjection ? { A: 'vera_A', B: 'vera_B' } : {}),
    create({ sites, config: { r, projectionPrngKey } }) {
      const uniform = torchUniform(projectionPrngKey)
      const inSize = Math.max(...sites.map((site) => site.inSize))
      const outSize = Math.max(...sites.map((site) => site.outSize))
      // In this order, and within the bounds of a Kaiming initialisation: sqrt(6 / columns).
      const A = hostTensor('f32', [r, inSize], uniform(r * inSize, Math.sqrt(6 / inSize)))
      return { A, B: hostTensor('f32', [outSize, r], uniform(outSize * r, Math.sqrt(6 / r))) }
    },
  },
  forward({ x, inner, state, config, site, context: { seed } }) {
    const { A, B, d, b } = cut(state, site)
    const read = seed === undefined ? x : dropout(x, seed, config.veraDropout, site.path)
    return add(inner(x), mul(linear(mul(linear(read, A), d), B), b))
  },
  merge({ weight, state, site }) {
    const { A, B, d, b } = cut(state, site)
    return add(weight, mul(matmul(mul(B, d), A), reshape(b, [site.outSize, 1])))
  },
})

/** The state with as much of the projections as a layer needs: A (r, in), B (out, r). */
function cut({ A, B, d, b }: VeraState, { inSize, outSize }: Site): VeraState {
  const r = d.shape[0] as number
  return { A: slice(A, [0, 0], [r, inSize]), B: slice(B, [0, 0], [outSize, r]), d, b }
}
