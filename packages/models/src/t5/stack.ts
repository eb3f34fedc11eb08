/** The stack of layers that T5's encoder and decoder both are. */
import {
  add,
  type Context,
  type Embedding,
  type ModelSizes,
  Module,
  maybeDropout,
  moduleAt,
  type ParameterScope,
  permute,
  reshape,
  type Tensor,
} from '@espalier/core'
import { CrossAttention } from '../decoder/cross-attention.js'
import type { Activation } from '../layers/activation.js'
import { type BucketSettings, distanceBuckets } from '../layers/distance-buckets.js'
import { runLayers } from '../layers/layer-stack.js'
import { type PartNames, partOf, setParts } from '../layers/parts.js'
import { projectionNames, T5SelfAttention } from './attention.js'
import { T5DenseActDense, T5DenseGatedActDense } from './feed-forward.js'

/** What both stacks are made with. */
export interface StackSettings {
  readonly sizes: ModelSizes
  readonly innerSize: number
  readonly isGated: boolean
  readonly activation: Activation
  readonly epsilon: number
  readonly dropout: number
  readonly buckets: number
  readonly farthest: number
  /** Factor of the deviation of initial weights. */
  readonly deviation: number
}

/** What is a stack's own. table: of its tokens. */
export interface StackKind {
  readonly table: Embedding
  readonly layers: number
  readonly isDecoder: boolean
}

/** ids (batch, tokens) -> normed hidden states (batch, tokens, hidden). Captures those under its path, `encoder_hidden_states.0`. */
export class T5Stack extends Module {
  constructor(
    readonly embed_tokens: Module,
    readonly block: readonly Module[],
    readonly final_layer_norm: Module,
    readonly buckets: BucketSettings,
    readonly rate: number,
    readonly path: string,
  ) {
    super()
  }

  forward(ids: Tensor, context: Context): Tensor {
    const dropped = (x: Tensor, place: string) => maybeDropout(x, context, this.rate, `${this.path}.${place}.dropout`)
    const embedded = dropped(this.embed_tokens.forward(ids, context), 'embed_tokens')
    const table = moduleAt(this, 'block.0.layer.0.SelfAttention.relative_attention_bias')
    const bias = (queries: Tensor, keys: Tensor) => {
      const rows = table.forward(distanceBuckets(queries, keys, this.buckets), context) // (queries, keys, heads)
      return reshape(permute(rows, [2, 0, 1]), [1, rows.shape[2] as number, ...rows.shape.slice(0, 2)])
    }
    const name = `${this.path}_hidden_states`
    const y = runLayers(embedded, this.block, { ...context, bias }, this.final_layer_norm, name)
    return dropped(y, 'final_layer_norm')
  }
}

/** A stack in its scope. */
export function buildStack(settings: StackSettings, scope: ParameterScope, kind: StackKind): T5Stack {
  const { sizes, epsilon, dropout, buckets, farthest } = settings
  const { table, layers, isDecoder } = kind
  return new T5Stack(
    table,
    Array.from({ length: layers }, (_, layer) => buildBlock(settings, scope.at(`block.${layer}`), layer, isDecoder)),
    scope.rmsNorm('final_layer_norm', sizes.hiddenSize, epsilon),
    { buckets, farthest, bothWays: !isDecoder },
    dropout,
    scope.path,
  )
}

/** Attention to itself, in a decoder attention to the encoder's output, and the wide half, one after another. */
class T5Block extends Module {
  constructor(readonly layer: readonly Module[]) {
    super()
  }

  /** x (batch, tokens, hidden) -> same. */
  forward(x: Tensor, context: Context): Tensor {
    return this.layer.reduce((hidden, layer) => layer.forward(hidden, context), x)
  }
}

interface LayerParts {
  readonly inner: Module
  readonly norm: Module
}

/** x + inner(norm(x)). */
class T5Layer extends Module {
  constructor(
    readonly names: PartNames<LayerParts>,
    parts: LayerParts,
    readonly rate: number,
    readonly site: string,
  ) {
    super()
    setParts(this, names, parts)
  }

  /** x (batch, tokens, hidden) -> same. */
  forward(x: Tensor, context: Context): Tensor {
    const { inner, norm } = this.names
    const y = partOf(this, inner).forward(partOf(this, norm).forward(x, context), context)
    return add(x, maybeDropout(y, context, this.rate, this.site))
  }
}

function buildBlock(settings: StackSettings, scope: ParameterScope, index: number, isDecoder: boolean): T5Block {
  const { sizes, epsilon, dropout } = settings
  const kinds: readonly (readonly [string, (own: ParameterScope) => Module])[] = [
    ['SelfAttention', (own) => buildAttention(settings, own, index, false)],
    ...(isDecoder
      ? [['EncDecAttention', (own: ParameterScope) => buildAttention(settings, own, index, true)] as const]
      : []),
    ['DenseReluDense', (own) => buildFeedForward(settings, own)],
  ]
  return new T5Block(
    kinds.map(([name, build], i) => {
      const own = scope.at(`layer.${i}`)
      const names = { inner: name, norm: 'layer_norm' }
      const parts = { inner: build(own.at(name)), norm: own.rmsNorm(names.norm, sizes.hiddenSize, epsilon) }
      return new T5Layer(names, parts, dropout, `${own.path}.dropout`)
    }),
  )
}

function buildAttention(settings: StackSettings, scope: ParameterScope, layer: number, isCross: boolean): Module {
  const { sizes, buckets, dropout, deviation } = settings
  const { hiddenSize, headCount: heads, headSize } = sizes
  const all = heads * headSize
  const plain = (size: number) => ({ bias: false, deviation: deviation * size ** -0.5 })
  const parts = {
    query: scope.linear('q', hiddenSize, all, plain(hiddenSize * headSize)),
    key: scope.linear('k', hiddenSize, all, plain(hiddenSize)),
    value: scope.linear('v', hiddenSize, all, plain(hiddenSize)),
    output: scope.linear('o', all, hiddenSize, plain(all)),
  }
  // Without a scale: it is in the initial deviation of the queries.
  const own = { layer, heads, scale: 1, dropout: { rate: dropout, site: `${scope.path}.dropout` } }
  if (isCross) return new CrossAttention(own, projectionNames, parts)
  const table =
    layer === 0 ? scope.embedding('relative_attention_bias', buckets, heads, deviation * hiddenSize ** -0.5) : null
  return new T5SelfAttention({ ...own, groups: heads }, parts, table)
}

function buildFeedForward(settings: StackSettings, scope: ParameterScope): Module {
  const { sizes, innerSize, isGated, activation, dropout, deviation } = settings
  const linear = (name: string, from: number, to: number) =>
    scope.linear(name, from, to, { bias: false, deviation: deviation * from ** -0.5 })
  const wide = (name: string) => linear(name, sizes.hiddenSize, innerSize)
  const narrow = () => linear('wo', innerSize, sizes.hiddenSize)
  const own = { activation, rate: dropout, site: `${scope.path}.dropout` }
  return isGated
    ? new T5DenseGatedActDense(wide('wi_0'), wide('wi_1'), narrow(), own)
    : new T5DenseActDense(wide('wi'), narrow(), own)
}
