/** The convolution beside the first layer, over neighbouring tokens. Source: github.com/microsoft/DeBERTa, ConvLayer of its second version. */
import {
  add,
  type Context,
  Module,
  matmul,
  maybeDropout,
  type Parameter,
  type ParameterScope,
  pad,
  reshape,
  sliceAxis,
  type Tensor,
} from '@espalier/core'
import type { ConfigKeys } from '../config/config-keys.js'
import { type Activation, activationOf } from '../layers/activation.js'
import { withoutPadding } from './embeddings.js'
import type { DebertaSettings } from './settings.js'

/** What it is made with. */
export interface ConvolutionSettings {
  /** Tokens that each one reads, itself in the middle. */
  readonly width: number
  readonly activation: Activation
}

/** Reads its settings; null: there is none. Throws model.config and model.unsupported. */
export function convolutionSettings(keys: ConfigKeys): ConvolutionSettings | null {
  const width = keys.count('conv_kernel_size', 0)
  if (width === 0) return null
  if (width % 2 === 0) throw keys.unsupported('conv_kernel_size', ['an odd number'])
  if (keys.size('conv_groups', 1) !== 1) throw keys.unsupported('conv_groups', [1])
  return { width, activation: activationOf(keys, 'conv_act', 'tanh') }
}

/** A convolution of what the encoder reads, and the norm of its sum with what the first layer made of it. */
export class Convolution extends Module {
  constructor(
    readonly conv: Module,
    readonly LayerNorm: Module,
    readonly activation: Activation,
    readonly rate: number,
    readonly site: string,
  ) {
    super()
  }

  /** x (batch, tokens, hidden) -> same. */
  forward(x: Tensor, context: Context): Tensor {
    const read = withoutPadding(this.conv.forward(x, context), context)
    return this.activation(maybeDropout(read, context, this.rate, this.site))
  }

  /** x and the first layer's result of it (batch, tokens, hidden) -> same; nothing at padding. */
  after(x: Tensor, result: Tensor, context: Context): Tensor {
    return withoutPadding(this.LayerNorm.forward(add(result, this.forward(x, context)), context), context)
  }
}

/** torch's Conv1d over tokens: a product for each neighbour. */
class Conv1d extends Module {
  constructor(
    /** (out, in, width) */
    readonly weight: Parameter,
    readonly bias: Parameter,
  ) {
    super()
  }

  /** x (batch, tokens, in) -> (batch, tokens, out). */
  forward(x: Tensor): Tensor {
    const [outSize, inSize, width] = this.weight.shape as [number, number, number]
    const tokens = x.shape[1] as number
    const side = (width - 1) / 2
    const wide = pad(x, [0, side, 0], [0, side, 0])
    const products = Array.from({ length: width }, (_, i) => {
      const weight = reshape(sliceAxis(this.weight.value, 2, i, i + 1), [outSize, inSize])
      return matmul(sliceAxis(wide, 1, i, i + tokens), weight, { transposeB: true })
    })
    return products.reduce((sum, product) => add(sum, product), this.bias.value)
  }
}

/** The convolution in its scope. */
export function buildConvolution(
  { width, activation }: ConvolutionSettings,
  { sizes, deviation, dropout, epsilon }: DebertaSettings,
  scope: ParameterScope,
): Convolution {
  const { hiddenSize: size } = sizes
  const own = scope.at('conv')
  const weight = own.parameter('weight', [size, size, width], { normal: deviation })
  return new Convolution(
    new Conv1d(weight, own.parameter('bias', [size], { fill: 0 })),
    scope.layerNorm('LayerNorm', size, epsilon),
    activation,
    dropout,
    `${scope.path}.dropout`,
  )
}
