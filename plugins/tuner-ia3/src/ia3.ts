/**
 * IA3: learned factors. Attention layers scale their output, y = l * (W x + b); feed-forward layers their input, y = W (l * x) + b.
 * Source: arXiv:2205.05638 §3.3; formats and defaults: PEFT 0.21. Legend: l (out, 1), in feed-forward layers (1, in).
 */
import {
  type CreateContext,
  defineTuner,
  EspalierError,
  type ForwardContext,
  fullMatch,
  hostTensor,
  type MergeContext,
  mul,
  type ResolveContext,
  reshape,
  type Site,
  type Tensor,
  withFanInFanOut,
} from '@espalier/core'
import { type Ia3Config, ia3Config } from './config.js'
import { defaultsOf } from './default-targets.js'

/** Tensors of IA3 at one layer. */
export type Ia3State = { readonly l: Tensor }

/** Learned rescaling of keys, values and feed-forward activations: `ia3()`. */
export const ia3 = defineTuner<Ia3Config, Ia3State>({
  kind: 'ia3',
  ...ia3Config,
  defaultTargets: (modelType) => defaultsOf(modelType)?.targets,
  // Names of feed-forward layers must stay among those of the targets.
  keepsTargets: true,
  resolve,
  fileKeys: { l: 'ia3_l' },
  create({ site, config, random }: CreateContext<Ia3Config>) {
    const shape = isFeedforward(site, config) ? [1, site.inSize] : [site.outSize, 1]
    const size = Math.max(...shape)
    const data = config.initIa3Weights ? new Float32Array(size).fill(1) : random.at('l').normal(size, 1)
    return { l: hostTensor('f32', shape, data) }
  },
  forward({ x, inner, state, config, site }: ForwardContext<Ia3Config, Ia3State>) {
    if (isFeedforward(site, config)) return inner(mul(x, reshape(state.l, [site.inSize])))
    return mul(inner(x), reshape(state.l, [site.outSize]))
  },
  merge({ weight, bias, state, config, site }: MergeContext<Ia3Config, Ia3State>) {
    const scaled = mul(weight, state.l) // (out, in) either way
    if (bias === undefined || isFeedforward(site, config)) return scaled
    return { weight: scaled, bias: mul(bias, reshape(state.l, [site.outSize])) }
  },
})

/** Completes feedforwardModules by the model type and corrects fanInFanOut by the layers. Throws config.value for an unknown type. */
function resolve(config: Ia3Config, context: ResolveContext): Ia3Config {
  const { modelType } = context
  const feedforwardModules = config.feedforwardModules ?? defaultsOf(modelType)?.feedforward
  if (feedforwardModules === undefined)
    throw new EspalierError('config.value', {
      what: 'this model type has no default feedforwardModules',
      got: { modelType },
      fix: 'Give feedforwardModules; [] when there are none',
    })
  return withFanInFanOut({ ...config, feedforwardModules }, context)
}

/** PEFT's rule: a pattern for the whole path, or any end of it, whole names or not. */
function isFeedforward({ path }: Site, { feedforwardModules }: Ia3Config): boolean {
  if (typeof feedforwardModules === 'string') return fullMatch(feedforwardModules).test(path)
  return (feedforwardModules ?? []).some((name) => path.endsWith(name))
}
