/** The stack of layers that T5's encoder and decoder both are. */
import {
  type AttendOptions,
  add,
  attend,
  attendToEncoded,
  type Context,
  type Embedding,
  joinHeads,
  type ModelSizes,
  Module,
  maybeDropout,
  moduleAt,
  mul,
  type ParameterScope,
  permute,
  reshape,
  splitHeads,
  type Tensor,
} from '@espalier/core'
import type { Activation } from './activation.js'
import { type BucketSettings, distanceBuckets } from './distance-buckets.js'
import { runLayers } from './layer-stack.js'

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
  /** Factor of initial weights. */
  readonly deviation: number
}

/** The stack in a scope. table: of its tokens. */
export function buildStack(
  settings: StackSettings,
  scope: ParameterScope,
  { table, layers, isDecoder }: { readonly table: Embedding; readonly layers: number; readonly isDecoder: boolean },
): T5Stack {
  const { sizes, epsilon, dropout, buckets, farthest } = settings
  return new T5Stack(
    table,
    Array.from({ length: layers }, (_, layer) => buildBlock(settings, scope.at(`block.${layer}`), layer, isDecoder)),
    scope.rmsNorm('final_layer_norm', sizes.hiddenSize, epsilon),
    { buckets, farthest, bothWays: !isDecoder },
    dropout,
    scope.path,
  )
}

/** ids (batch, tokens) -> normed hidden states (batch, tokens, hidden). Captures hidden states under its path, `encoder_hidden_states.0`. */
class T5Stack extends Module {
  constructor(
    readonly embed_tokens: Module,
    readonly block: readonly Module[],
    readonly final_layer_norm: Module,
    readonly places: BucketSettings,
    readonly rate: number,
    readonly path: string,
  ) {
    super()
  }

  forward(ids: Tensor, context: Context): Tensor {
    const dropped = (x: Tensor, place: string) => maybeDropout(x, context, this.rate, `${this.path}.${place}.dropout`)
    const embedded = dropped(this.embed_tokens.forward(ids, context), 'embed_tokens')
    // All layers share the first one's biases.
    const biases = moduleAt(this, 'block.0.layer.0.SelfAttention.relative_attention_bias')
    const bias = (queries: Tensor, keys: Tensor) => {
      const rows = biases.forward(distanceBuckets(queries, keys, this.places), context) // (queries, keys, heads)
      return reshape(permute(rows, [2, 0, 1]), [1, rows.shape[2] as number, ...rows.shape.slice(0, 2)])
    }
    const within = { ...context, bias }
    const y = runLayers(embedded, this.block, within, this.final_layer_norm, `${this.path}_hidden_states`)
    return dropped(y, 'final_layer_norm')
  }
}

/** Attention to itself, in a decoder attention to the encoder's output, and the wide layers, one after another. */
class T5Block extends Module {
  constructor(readonly layer: readonly Module[]) {
    super()
  }

  forward(x: Tensor, context: Context): Tensor {
    return this.layer.reduce((hidden, layer) => layer.forward(hidden, context), x)
  }
}

/** x + inner(norm(x)). */
abstract class T5Layer extends Module {
  abstract readonly layer_norm: Module

  constructor(
    readonly rate: number,
    readonly site: string,
  ) {
    super()
  }

  protected abstract inner(): Module

  /** x (batch, tokens, hidden) -> same. */
  forward(x: Tensor, context: Context): Tensor {
    const y = this.inner().forward(this.layer_norm.forward(x, context), context)
    return add(x, maybeDropout(y, context, this.rate, this.site))
  }
}

class T5LayerSelfAttention extends T5Layer {
  constructor(
    readonly SelfAttention: Module,
    readonly layer_norm: Module,
    rate: number,
    site: string,
  ) {
    super(rate, site)
  }

  protected inner(): Module {
    return this.SelfAttention
  }
}

class T5LayerCrossAttention extends T5Layer {
  constructor(
    readonly EncDecAttention: Module,
    readonly layer_norm: Module,
    rate: number,
    site: string,
  ) {
    super(rate, site)
  }

  protected inner(): Module {
    return this.EncDecAttention
  }
}

class T5LayerFF extends T5Layer {
  constructor(
    readonly DenseReluDense: Module,
    readonly layer_norm: Module,
    rate: number,
    site: string,
  ) {
    super(rate, site)
  }

  protected inner(): Module {
    return this.DenseReluDense
  }
}

/** Attention without a scale; the first layer of a stack has the biases of all. */
class T5Attention extends Module {
  constructor(
    readonly q: Module,
    readonly k: Module,
    readonly v: Module,
    readonly o: Module,
    readonly relative_attention_bias: Module | null,
    readonly heads: number,
    readonly options: AttendOptions,
  ) {
    super()
  }

  /** x (batch, tokens, hidden) -> same. */
  forward(x: Tensor, context: Context): Tensor {
    const part = (projection: Module, of: Tensor) => splitHeads(projection.forward(of, context), this.heads)
    return this.o.forward(joinHeads(this.attended(part, x, context)), context)
  }

  /** part: a projection of hidden states, by head. */
  protected attended(part: (projection: Module, of: Tensor) => Tensor, x: Tensor, context: Context): Tensor {
    return attend(part(this.q, x), part(this.k, x), part(this.v, x), context, this.options)
  }
}

/** The same, to the output of the encoder. */
class T5CrossAttention extends T5Attention {
  override get printedName(): string {
    return 'T5Attention'
  }

  protected override attended(part: (projection: Module, of: Tensor) => Tensor, x: Tensor, context: Context): Tensor {
    const project = (hidden: Tensor) => ({ key: part(this.k, hidden), value: part(this.v, hidden) })
    return attendToEncoded(part(this.q, x), project, context, this.options)
  }
}

/** wo(activation(wi(x))). */
class T5DenseActDense extends Module {
  constructor(
    readonly wi: Module,
    readonly wo: Module,
    readonly activation: Activation,
    readonly rate: number,
    readonly site: string,
  ) {
    super()
  }

  /** x (batch, tokens, hidden) -> same. */
  forward(x: Tensor, context: Context): Tensor {
    const wide = this.activation(this.wi.forward(x, context))
    return this.wo.forward(maybeDropout(wide, context, this.rate, this.site), context)
  }
}

/** wo(activation(wi_0(x)) * wi_1(x)). Source: arXiv:2002.05202 §2. */
class T5DenseGatedActDense extends Module {
  constructor(
    readonly wi_0: Module,
    readonly wi_1: Module,
    readonly wo: Module,
    readonly activation: Activation,
    readonly rate: number,
    readonly site: string,
  ) {
    super()
  }

  /** x (batch, tokens, hidden) -> same. */
  forward(x: Tensor, context: Context): Tensor {
    const wide = mul(this.activation(this.wi_0.forward(x, context)), this.wi_1.forward(x, context))
    return this.wo.forward(maybeDropout(wide, context, this.rate, this.site), context)
  }
}

function buildBlock(settings: StackSettings, scope: ParameterScope, layer: number, isDecoder: boolean): T5Block {
  const { sizes, epsilon, dropout } = settings
  const at = (index: number) => scope.at(`layer.${index}`)
  const norm = (own: ParameterScope) => own.rmsNorm('layer_norm', sizes.hiddenSize, epsilon)
  const attention = (own: ParameterScope, isCross: boolean) => buildAttention(settings, own, layer, isCross)
  const self = at(0)
  const cross = at(1)
  const wide = at(isDecoder ? 2 : 1)
  return new T5Block([
    new T5LayerSelfAttention(attention(self.at('SelfAttention'), false), norm(self), dropout, `${self.path}.dropout`),
    ...(isDecoder
      ? [
          new T5LayerCrossAttention(
            attention(cross.at('EncDecAttention'), true),
            norm(cross),
            dropout,
            `${cross.path}.dropout`,
          ),
        ]
      : []),
    new T5LayerFF(buildWide(settings, wide.at('DenseReluDense')), norm(wide), dropout, `${wide.path}.dropout`),
  ])
}

function buildAttention(settings: StackSettings, scope: ParameterScope, layer: number, isCross: boolean): T5Attention {
  const { sizes, buckets, dropout, deviation } = settings
  const { hiddenSize, headCount: heads, headSize } = sizes
  const all = heads * headSize
  const plain = (size: number) => ({ bias: false, deviation: deviation * size ** -0.5 })
  const Kind = isCross ? T5CrossAttention : T5Attention
  return new Kind(
    scope.linear('q', hiddenSize, all, plain(hiddenSize * headSize)),
    scope.linear('k', hiddenSize, all, plain(hiddenSize)),
    scope.linear('v', hiddenSize, all, plain(hiddenSize)),
    scope.linear('o', all, hiddenSize, plain(all)),
    layer === 0 && !isCross
      ? scope.embedding('relative_attention_bias', buckets, heads, deviation * hiddenSize ** -0.5)
      : null,
    heads,
    { layer, scale: 1, dropout: { rate: dropout, site: `${scope.path}.dropout` } },
  )
}

function buildWide(settings: StackSettings, scope: ParameterScope): Module {
  const { sizes, innerSize, isGated, activation, dropout, deviation } = settings
  const { hiddenSize } = sizes
  const wide = (name: string) =>
    scope.linear(name, hiddenSize, innerSize, { bias: false, deviation: deviation * hiddenSize ** -0.5 })
  const narrow = () =>
    scope.linear('wo', innerSize, hiddenSize, { bias: false, deviation: deviation * innerSize ** -0.5 })
  const site = `${scope.path}.dropout`
  return isGated
    ? new T5DenseGatedActDense(wide('wi_0'), wide('wi_1'), narrow(), activation, dropout, site)
    : new T5DenseActDense(wide('wi'), narrow(), activation, dropout, site)
}
