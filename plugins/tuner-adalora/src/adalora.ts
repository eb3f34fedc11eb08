/**
 * AdaLoRA: W' = W + s B diag(E) A, s = alpha / (initial rank), with the ranks allocated by importance while it trains, and a penalty that
 * keeps A and B orthogonal. Source: arXiv:2303.10512 §3; formats and defaults: PEFT 0.21.
 * Legend: A (r, in), E (r, 1), B (out, r), s the scale, a state tensor, so that another scale compiles nothing.
 */
import {
  add,
  type CreateContext,
  cast,
  constant,
  defineTuner,
  div,
  dropout,
  equal,
  type ForwardContext,
  hostTensor,
  iota,
  type MergeContext,
  matmul,
  max,
  mul,
  type PenaltyContext,
  type ResolveContext,
  reduceSum,
  reshape,
  sqrt,
  sub,
  type Tensor,
  transpose,
} from '@espalier/core'
import { type AdaLoraConfig, parseAdaLoraConfig, unusedSettings } from './config.js'
import { defaultTargets } from './default-targets.js'
import { allocateRanks, keptRanks, withoutPruned } from './rank-allocation.js'

/** Tensors of AdaLoRA at one layer. */
export type AdaLoraState = { readonly A: Tensor; readonly B: Tensor; readonly E: Tensor; readonly scaling: Tensor }

/** Low-rank adaptation with an adaptive budget of ranks: `adalora({ initR: 12, targetR: 8, totalStep: 1000 })`. */
export const adalora = defineTuner<AdaLoraConfig, AdaLoraState, 'scaling'>({
  kind: 'adalora',
  parse: parseAdaLoraConfig,
  configKeys: { deltaT: 'deltaT' },
  floatKeys: ['lora_dropout', 'beta1', 'beta2', 'orth_reg_weight'],
  defaultTargets,
  resolve,
  fileKeys: { A: 'lora_A', B: 'lora_B', E: 'lora_E' },
  create,
  buffers: ({ config: { loraAlpha, initR } }) => ({
    scaling: hostTensor('f32', [], [(loraAlpha > 0 ? loraAlpha : initR) / (initR + RANK_EPSILON)]),
  }),
  forward,
  merge,
  penalty,
  afterStep: allocateRanks,
  toFile: withoutPruned,
})

const RANK_EPSILON = 1e-5 // PEFT's, beside a rank that may be 0
const DEVIATION = 0.02 // of A and B, PEFT's

/** Corrects fanInFanOut by the layers, and says which settings of LoRA have no effect. */
function resolve(config: AdaLoraConfig, { sites, warn }: ResolveContext): AdaLoraConfig {
  const isLinear = sites.some(({ kind }) => kind === 'linear')
  const isConv1D = sites.some(({ kind }) => kind === 'conv1d')
  const fanInFanOut = isLinear && isConv1D ? config.fanInFanOut : isConv1D
  if (fanInFanOut !== config.fanInFanOut)
    warn(`fanInFanOut is ${fanInFanOut} for these layers, not ${config.fanInFanOut}; it was corrected`)
  const unused = unusedSettings(config)
  if (unused.length > 0) warn(`AdaLoRA does not use ${unused.join(', ')}; the rank at the start is initR`)
  return { ...config, fanInFanOut }
}

function create({ site, config, random }: CreateContext<AdaLoraConfig>) {
  const kept = keptRanks(site, config)
  const rank = kept === undefined ? config.initR : kept.filter(Boolean).length
  const drawn = (name: string, shape: readonly [number, number], deviation: number) =>
    hostTensor('f32', shape, random.at(name).normal(shape[0] * shape[1], deviation))
  const deviation = config.initLoraWeights ? DEVIATION : 1
  return {
    A: drawn('A', [rank, site.inSize], deviation),
    B: drawn('B', [site.outSize, rank], deviation),
    E: config.initLoraWeights ? hostTensor('f32', [rank, 1]) : drawn('E', [rank, 1], deviation),
  }
}

function forward({ x, inner, state, config, site, context }: ForwardContext<AdaLoraConfig, AdaLoraState>): Tensor {
  const { A, B, E, scaling } = state
  const y = inner(x) // (..., out)
  if (isEmpty(A)) return y
  const read = context.seed === undefined ? x : dropout(x, context.seed, config.loraDropout, site.path)
  const rows = reshape(cast(read, A.dtype), [-1, site.inSize]) // (tokens, in)
  const thin = mul(matmul(rows, A, { transposeB: true }), mul(transpose(E), scaling)) // (tokens, r)
  const change = cast(matmul(thin, B, { transposeB: true }), y.dtype) // (tokens, out)
  return reshape(add(change, reshape(y, [-1, site.outSize])), y.shape)
}

function merge({ weight, state: { A, B, E, scaling } }: MergeContext<AdaLoraConfig, AdaLoraState>): Tensor {
  if (isEmpty(A)) return weight
  return add(weight, cast(matmul(B, mul(A, mul(E, scaling))), weight.dtype))
}

/** Mean distance of A Aᵀ and Bᵀ B from the identity, over all layers. Source: arXiv:2303.10512 eq. 4. */
function penalty({ config, layers }: PenaltyContext<AdaLoraConfig, AdaLoraState>): Tensor | undefined {
  const products = layers.flatMap(({ state: { A, B } }) =>
    isEmpty(A) ? [] : [matmul(A, A, { transposeB: true }), matmul(B, B, { transposeA: true })],
  )
  if (products.length === 0 || config.orthRegWeight === 0) return undefined
  const sum = products.map(distanceFromIdentity).reduce((a, b) => add(a, b))
  return mul(div(sum, 2 * layers.length), config.orthRegWeight)
}

const LEAST_SQUARE = 1e-30 // below it the slope is 0, as PyTorch has it at 0

function distanceFromIdentity(product: Tensor): Tensor {
  const size = product.shape[0] as number
  const identity = cast(equal(iota([size, size], 0), iota([size, size], 1)), product.dtype)
  const difference = sub(product, identity)
  return sqrt(max(reduceSum(mul(difference, difference)), constant(LEAST_SQUARE)))
}

// A layer of which no rank is left.
function isEmpty({ shape }: Tensor): boolean {
  return shape[0] === 0
}
