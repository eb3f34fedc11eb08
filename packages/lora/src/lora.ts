/**
 * LoRA: W' = W + s B A, s = alpha / r; y += s B(A(dropout(x))). Source: arXiv:2106.09685 §4; formats and defaults: PEFT 0.21.
 * Legend: A (r, in), B (out, r), s the scale of the layer, a state tensor, so that another scale compiles nothing.
 */
import {
  add,
  defineTuner,
  dropout,
  EspalierError,
  expertMatmul,
  expertsOf,
  type ForwardContext,
  GivenWeight,
  hostTensor,
  linear,
  type MergeContext,
  matmul,
  mul,
  permute,
  type ResolveContext,
  reshape,
  type Site,
  type Tensor,
  transpose,
  valueAt,
  warnOfUnmatched,
  withFanInFanOut,
  withWeight,
} from '@espalier/core'
import { type LoraConfig, loraConfig } from './config.js'
import { defaultLoraTargets } from './default-targets.js'
import { withFusedExperts } from './fused-experts.js'
import { withFusedTensors } from './fused-tensors.js'
import { createLoraValues } from './initial-values.js'

/** Tensors of LoRA at one layer: A (r, in), B (out, r), for experts (experts r, in) and (out, r experts), the bias of B (out) with loraBias, and the scale, which does not train. */
export type LoraState = {
  readonly A: Tensor
  readonly B: Tensor
  readonly bias?: Tensor
  readonly scaling: Tensor
}

/** Low-rank adaptation of linear layers, Conv1D and embeddings: `lora({ r: 8, targetModules: 'all-linear' })`. */
export const lora = defineTuner<LoraConfig, LoraState, 'scaling'>({
  kind: 'lora',
  layers: ['linear', 'conv1d', 'embedding', 'experts'],
  retarget: withFusedExperts,
  fromOlderFile: withFusedTensors,
  parse: loraConfig.parse,
  floatKeys: [...loraConfig.floatKeys, 'rho', 'tau', 'router_temperature'], // these lie in eva_config and arrow_config
  defaultTargets: defaultLoraTargets,
  resolve,
  fileKeys: ({ kind }, { loraBias }) =>
    kind === 'embedding'
      ? { A: 'lora_embedding_A', B: 'lora_embedding_B' }
      : { A: 'lora_A.weight', B: 'lora_B.weight', ...(loraBias ? { bias: 'lora_B.bias' } : {}) },
  create: createLoraValues,
  buffers: ({ site, config }) => ({ scaling: hostTensor('f32', [], [scalingAt(site, config)]) }),
  forward,
  merge,
})

function forward(context: ForwardContext<LoraConfig, LoraState>): Tensor {
  switch (context.site.kind) {
    case 'embedding':
      return adaptRows(context)
    case 'experts':
      return adaptExperts(context)
    default:
      return adaptProduct(context)
  }
}

/** Factor of the update at a layer: alpha / r, or alpha / sqrt(r) with rsLoRA. */
function scalingAt(site: Site, { r, rankPattern, loraAlpha, alphaPattern, useRslora }: LoraConfig): number {
  const rank = valueAt(site, rankPattern, r)
  return valueAt(site, alphaPattern, loraAlpha) / (useRslora ? Math.sqrt(rank) : rank)
}

/** Corrects fanInFanOut by the layers, as PEFT does, and says what will not work as it may be meant. */
function resolve(config: LoraConfig, context: ResolveContext): LoraConfig {
  warnOfUnmatched(config, context)
  checkParameters(config, context)
  if (config.loraBias) checkBias(context)
  return withFanInFanOut(config, context)
}

/** PEFT's rules for parameters: what reads the input of a layer, they have not. */
function checkParameters(
  { targetParameters, targetModules, loraDropout, loraBias }: LoraConfig,
  context: ResolveContext,
): void {
  if ((targetParameters ?? []).length === 0) return
  const parameters = context.sites.filter(({ parameter }) => parameter !== undefined).map(({ path }) => path)
  if (parameters.length === 0) context.warn(`targetParameters match no parameter: ${targetParameters?.join(', ')}`)
  if (targetModules !== null && targetModules.length > 0 && parameters.length === context.sites.length)
    context.warn(`targetModules match no module: ${targetModules}`)
  if (parameters.length > 0 && (loraDropout > 0 || loraBias))
    throw new EspalierError('config.unsupported', {
      what: 'parameters that are no layer of their own have neither loraDropout nor loraBias',
      got: { parameters, loraDropout, loraBias },
      fix: 'Set loraDropout 0 and loraBias false, or leave them out of targetParameters and of older names in targetModules',
    })
}

function checkBias({ sites, warn }: ResolveContext): void {
  const embeddings = sites.filter(({ kind }) => kind === 'embedding').map(({ path }) => path)
  if (embeddings.length > 0)
    throw new EspalierError('config.unsupported', {
      what: 'loraBias does not exist for embeddings',
      got: { loraBias: true, modules: embeddings },
      fix: 'Leave them out of targetModules',
    })
  const plain = sites.filter(({ hasBias }) => !hasBias).map(({ path }) => path)
  if (plain.length > 0) warn(`loraBias cannot be merged into layers without a bias: ${plain.join(', ')}`)
}

/** The update of a linear layer. Both thin products have two axes, so that a backend can let the second add to the layer's own. */
function adaptProduct({ x, inner, state, config, site, context }: ForwardContext<LoraConfig, LoraState>): Tensor {
  const { A, B, bias, scaling } = state
  const y = inner(x) // (..., out)
  const read = context.seed === undefined ? x : dropout(x, context.seed, config.loraDropout, site.path)
  const rows = reshape(read, [-1, site.inSize]) // (tokens, in)
  const thin = mul(matmul(rows, A, { transposeB: true }), scaling) // (tokens, r): where the scale costs least
  const change = matmul(thin, B, { transposeB: true }) // (tokens, out)
  const sum = add(change, reshape(y, [-1, site.outSize]))
  return reshape(bias === undefined ? sum : add(sum, mul(bias, scaling)), y.shape)
}

/** The update of an embedding: rows of A^T, looked up by the layer itself, which may scale rows or keep one from learning. */
function adaptRows({ x, inner, layer, state, context }: ForwardContext<LoraConfig, LoraState>): Tensor {
  const { A, B, scaling } = state
  const y = inner(x) // (..., size)
  const rows = withWeight(layer, new GivenWeight(transpose(A))).forward(x, context) // (..., r)
  return add(y, linear(mul(rows, scaling), B))
}

/** The update of a mixture's layer: of each block of rows, with the A and B of its expert, so that it costs what the chosen ones do. */
function adaptExperts({ x, inner, state, site, context }: ForwardContext<LoraConfig, LoraState>): Tensor {
  const { A, B } = ofExperts(state, site)
  const experts = expertsOf(context)
  const thin = mul(expertMatmul(x, A, experts, { transposed: true }), state.scaling) // (blocks, rows, r)
  return add(inner(x), expertMatmul(thin, B, experts, { transposed: true }))
}

/** A (experts r, in) as (experts, r, in), and B (out, r experts), of which experts follow each other, as (experts, out, r). */
function ofExperts(
  { A, B }: LoraState,
  { parameter, inSize, outSize }: Site,
): { readonly A: Tensor; readonly B: Tensor } {
  const experts = parameter?.experts ?? 1
  return { A: reshape(A, [experts, -1, inSize]), B: permute(reshape(B, [outSize, -1, experts]), [2, 0, 1]) }
}

/** W + s B A, and with loraBias b + s B.bias; an embedding's W, (rows, size), + s (B A)^T. */
function merge({ weight, bias, state, site }: MergeContext<LoraConfig, LoraState>) {
  const { A, B } = site.kind === 'experts' ? ofExperts(state, site) : state
  const { scaling } = state
  const scaled = mul(B, scaling)
  const change =
    site.kind === 'embedding' ? matmul(A, scaled, { transposeA: true, transposeB: true }) : matmul(scaled, A)
  const merged = add(weight, change)
  if (state.bias === undefined) return merged
  if (bias === undefined)
    throw new EspalierError('adapter.state', {
      what: 'an adapter with loraBias cannot be merged into a layer without a bias',
      got: { path: site.path },
    })
  return { weight: merged, bias: add(bias, mul(state.bias, scaling)) }
}
