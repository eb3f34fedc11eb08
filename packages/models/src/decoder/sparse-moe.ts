/** The wide half of a layer as a mixture of experts, of which each token gets a few. Source: arXiv:1701.06538 §2; arXiv:2401.04088 §2.1. */
import {
  add,
  type Context,
  cast,
  DenseWeight,
  div,
  gatherRows,
  hashString,
  iota,
  MatrixParameter,
  Module,
  mul,
  type ParameterScope,
  ROUTING,
  randomBits,
  reduceSum,
  reshape,
  routingTally,
  type StoredPart,
  shiftRight,
  sizeOf,
  softmax,
  type Tensor,
  topK,
  widened,
} from '@espalier/core'
import type { Activation } from '../layers/activation.js'
import { expertBlocks } from './expert-blocks.js'
import { FusedGatedMlp } from './fused-gated-mlp.js'

/** What a mixture does with what its router says. */
export interface RoutingSettings {
  readonly expertCount: number
  /** Experts that each token gets. */
  readonly chosenCount: number
  /** Whether the weights of those are divided by their sum. */
  readonly isNormalized: boolean
  /** While training, inputs are multiplied by numbers from 1 - jitter to 1 + jitter. Default 0. */
  readonly jitter?: { readonly size: number; readonly site: string }
  /** Where it is in the model: what a loss of routing finds it by. */
  readonly path: string
}

/** Sum over a token's experts of their weight times what they make of it. */
export class SparseMoe extends Module {
  constructor(
    readonly gate: Module,
    readonly experts: Module,
    readonly settings: RoutingSettings,
  ) {
    super()
  }

  /** x (batch, tokens, hidden) -> same. */
  forward(input: Tensor, context: Context): Tensor {
    const { expertCount, chosenCount, isNormalized, path } = this.settings
    const x = this.jittered(input, context)
    const hidden = x.shape[2] as number
    const rows = reshape(x, [-1, hidden])
    const shares = softmax(widened(this.gate.forward(rows, context))) // (tokens, experts)
    const { values, indices } = topK(shares, chosenCount)
    context.trace.capture(`${ROUTING}${path}`, () => routingTally({ shares, chosen: indices, keep: context.mask.keep }))
    const weights = isNormalized ? div(values, reduceSum(values, { axes: [1], keepDims: true })) : values
    const blocks = expertBlocks(indices, expertCount)
    const made = this.experts.forward(gatherRows(rows, blocks.tokens), { ...context, experts: blocks.experts })
    const chosen = widened(gatherRows(reshape(made, [-1, hidden]), blocks.places)) // (tokens, choices, hidden)
    const sum = reduceSum(mul(chosen, reshape(weights, [...weights.shape, 1])), { axes: [1] })
    return reshape(cast(sum, x.dtype), x.shape)
  }

  private jittered(x: Tensor, { seed }: Context): Tensor {
    const { jitter } = this.settings
    if (jitter === undefined || jitter.size === 0 || seed === undefined) return x
    const bits = randomBits(seed, hashString(jitter.site), iota([sizeOf(x.shape)], 0, 'u32'))
    const share = mul(cast(shiftRight(bits, 8), 'f32'), 2 ** -24) // from 0 to below 1
    const factor = add(mul(share, 2 * jitter.size), 1 - jitter.size)
    return mul(x, cast(reshape(factor, x.shape), x.dtype))
  }
}

/** Which experts suit a token: x (tokens, hidden) -> (tokens, experts). */
export class Router extends Module {
  constructor(readonly weight: Module) {
    super()
  }

  forward(x: Tensor, context: Context): Tensor {
    return this.weight.forward(x, context)
  }
}

/** What a mixture is built from. */
export interface MixtureSettings {
  readonly hiddenSize: number
  /** Inner size of each expert. */
  readonly innerSize: number
  readonly expertCount: number
  readonly chosenCount: number
  readonly isNormalized: boolean
  /** See `RoutingSettings`; a size. */
  readonly jitter?: number
  readonly activation: Activation
  readonly deviation: number
  /** What files hold of the router and of each expert, by whole paths: gate, what passes it, and the way back. */
  readonly files: {
    readonly router: string
    expert(index: number): { readonly gate: string; readonly up: string; readonly down: string }
  }
}

/** A mixture of gated experts at a scope, its parameters fused as in transformers 5: `gate.weight`, `experts.gate_up_proj`, `experts.down_proj`. */
export function sparseMoe(settings: MixtureSettings, scope: ParameterScope): SparseMoe {
  const { hiddenSize, innerSize, expertCount, deviation, files, activation } = settings
  const { chosenCount, isNormalized, jitter: size = 0 } = settings
  const experts = scope.at('experts')
  const partsOf = (parts: (index: number) => readonly StoredPart[]) =>
    Array.from({ length: expertCount }, (_, index) => parts(index)).flat()
  const [wide, narrow] = [
    [innerSize, hiddenSize],
    [hiddenSize, innerSize],
  ] as const
  const gateUp = partsOf((index) => {
    const { gate, up } = files.expert(index)
    return [gate, up].map((name) => ({ name, shape: wide }))
  })
  const down = partsOf((index) => [{ name: files.expert(index).down, shape: narrow }])
  // No quantizer packs these: in transformers 5 neither is a linear layer.
  const shape = [expertCount, hiddenSize]
  const router = scope.at('gate').parameter('weight', shape, { normal: deviation }, [{ name: files.router, shape }])
  return new SparseMoe(
    new Router(new MatrixParameter(new DenseWeight(router))),
    new FusedGatedMlp(
      experts.experts('gate_up_proj', [expertCount, 2 * innerSize, hiddenSize], { deviation, stored: gateUp }),
      experts.experts('down_proj', [expertCount, hiddenSize, innerSize], { deviation, stored: down }),
      activation,
    ),
    { expertCount, chosenCount, isNormalized, jitter: { size, site: `${scope.path}.jitter` }, path: scope.path },
  )
}
