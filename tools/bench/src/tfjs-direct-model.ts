/** A Llama with a LoRA on q and v, as one writes it in tfjs: weights as tensors, the adapter as variables, gradients from tfjs' own tape. */
import type * as Tfjs from '@tensorflow/tfjs-core'
import type {} from '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops' // declares the methods of tensors

/** The tfjs that is computed with. */
export type Tf = typeof Tfjs

/** What of config.json the model reads. */
export interface LlamaConfig {
  readonly hidden_size: number
  readonly num_hidden_layers: number
  readonly num_attention_heads: number
  readonly num_key_value_heads: number
  readonly rms_norm_eps: number
  readonly rope_theta?: number
}

/** A module's LoRA: `a` is (r, in), `b` is (out, r). */
export interface LoraPair {
  readonly a: Tfjs.Variable
  readonly b: Tfjs.Variable
}

/** The model's parts: matrices as (in, out), which tfjs' own layers use, and the table of the vocabulary as (vocabulary, hidden). */
export interface LlamaParts {
  readonly config: LlamaConfig
  readonly weights: ReadonlyMap<string, Tfjs.Tensor>
  readonly adapters: ReadonlyMap<string, LoraPair>
  readonly scale: number
}

type X = Tfjs.Tensor

/** The mean loss of rows of one length, every next token counted. */
export function directLoss(tf: Tf, { config, weights, adapters, scale }: LlamaParts, ids: Tfjs.Tensor2D): Tfjs.Scalar {
  const [batch, length] = ids.shape
  const heads = config.num_attention_heads
  const shared = config.num_key_value_heads
  const size = config.hidden_size / heads
  const weight = (name: string) => weights.get(name) as Tfjs.Tensor2D

  const norm = (x: X, name: string): X =>
    x.mul(x.square().mean(-1, true).add(config.rms_norm_eps).rsqrt()).mul(weight(`${name}.weight`))
  const linear = (x: X, name: string): X => {
    const y = tf.matMul(x as Tfjs.Tensor2D, weight(`${name}.weight`))
    const lora = adapters.get(name)
    if (lora === undefined) return y
    const low = tf.matMul(x as Tfjs.Tensor2D, lora.a as X as Tfjs.Tensor2D, false, true)
    return y.add(tf.matMul(low, lora.b as X as Tfjs.Tensor2D, false, true).mul(scale))
  }

  const positions = tf.range(0, length).reshape([length, 1])
  const steps = tf.range(0, size, 2).div(size)
  const angles = positions.div(tf.pow(config.rope_theta ?? 10_000, steps).reshape([1, size / 2]))
  const [cos, sin] = [angles.cos().tile([1, 2]), angles.sin().tile([1, 2])]
  const rotate = (x: X): X => {
    const [left, right] = tf.split(x, 2, -1) as [X, X]
    return x.mul(cos).add(tf.concat([right.neg(), left], -1).mul(sin))
  }
  const split = (x: X, count: number): X => x.reshape([batch, length, count, size]).transpose([0, 2, 1, 3])
  // The query heads that share a key head lie beside each other: they multiply with it as further rows.
  const grouped = (x: X): X => x.reshape([batch, shared, (heads / shared) * length, -1])
  const mask = tf.linalg
    .bandPart(tf.ones([length, length]), -1, 0)
    .sub(1)
    .mul(1e9)

  const attention = (x: X, name: string): X => {
    const q = rotate(split(linear(x, `${name}.q_proj`), heads))
    const k = rotate(split(linear(x, `${name}.k_proj`), shared))
    const v = split(linear(x, `${name}.v_proj`), shared)
    const scores = tf.matMul(grouped(q), k, false, true).reshape([batch, heads, length, length])
    const shares = tf.softmax(scores.mul(1 / Math.sqrt(size)).add(mask))
    const mixed = tf.matMul(grouped(shares), v).reshape([batch, heads, length, size]).transpose([0, 2, 1, 3])
    return linear(mixed.reshape([batch * length, heads * size]), `${name}.o_proj`)
  }
  const mlp = (x: X, name: string): X => {
    const gate = linear(x, `${name}.gate_proj`)
    return linear(gate.mul(gate.sigmoid()).mul(linear(x, `${name}.up_proj`)), `${name}.down_proj`)
  }

  const table = weight('model.embed_tokens.weight')
  let hidden: X = tf.gather(table, ids.flatten())
  for (let i = 0; i < config.num_hidden_layers; i++) {
    const name = `model.layers.${i}`
    hidden = hidden.add(attention(norm(hidden, `${name}.input_layernorm`), `${name}.self_attn`))
    hidden = hidden.add(mlp(norm(hidden, `${name}.post_attention_layernorm`), `${name}.mlp`))
  }
  const last = norm(hidden, 'model.norm').reshape([batch, length, config.hidden_size])
  const counted = last.slice([0, 0, 0], [-1, length - 1, -1]).reshape([batch * (length - 1), config.hidden_size])
  const logits = tf.matMul(counted as Tfjs.Tensor2D, table, false, true)
  const labels = ids.slice([0, 1], [-1, length - 1]).flatten()
  return tf.losses.softmaxCrossEntropy(tf.oneHot(labels as Tfjs.Tensor1D, table.shape[0]), logits).asScalar()
}
