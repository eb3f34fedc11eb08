/** What the decoders with gated MLPs and root-mean-square norms have in common, in names of tensors and keys. */
import { badHeader } from '../errors.js'
import type { Placement } from '../weights/stored-tensor.js'
import type { GgufModel } from './family.js'

const WHOLE: Readonly<Record<string, string>> = {
  token_embd: 'model.embed_tokens',
  output_norm: 'model.norm',
  output: 'lm_head',
}

const IN_LAYER: Readonly<Record<string, string>> = {
  attn_norm: 'input_layernorm',
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_output: 'self_attn.o_proj',
  attn_q_norm: 'self_attn.q_norm',
  attn_k_norm: 'self_attn.k_norm',
  ffn_norm: 'post_attention_layernorm',
  ffn_gate: 'mlp.gate_proj',
  ffn_up: 'mlp.up_proj',
  ffn_down: 'mlp.down_proj',
}

/** transformers' name of a tensor; undefined where the family has none. */
export function decoderName(name: string): string | undefined {
  const [, layer, part = '', kind] = /^(?:blk\.(\d+)\.)?(\w+)\.(weight|bias)$/.exec(name) ?? []
  const found = layer === undefined ? WHOLE[part] : IN_LAYER[part]
  if (found === undefined) return undefined
  return `${layer === undefined ? '' : `model.layers.${layer}.`}${found}.${kind}`
}

/** Keys of config.json that all of them have. */
export function decoderConfig(model: GgufModel): Readonly<Record<string, unknown>> {
  const { metadata, tensors } = model
  const heads = metadata.needed('.attention.head_count')
  const hidden = metadata.needed('.embedding_length')
  const headSize = metadata.number('.attention.key_length')
  return {
    hidden_size: hidden,
    intermediate_size: metadata.needed('.feed_forward_length'),
    num_hidden_layers: metadata.needed('.block_count'),
    num_attention_heads: heads,
    num_key_value_heads: metadata.number('.attention.head_count_kv') ?? heads,
    ...(headSize !== undefined && { head_dim: headSize }),
    max_position_embeddings: metadata.needed('.context_length'),
    rms_norm_eps: metadata.float('.attention.layer_norm_rms_epsilon'),
    rope_theta: metadata.float('.rope.freq_base') ?? DEFAULT_BASE,
    hidden_act: 'silu',
    vocab_size: vocabularySize(model),
    tie_word_embeddings: !tensors.has('output.weight'),
    torch_dtype: 'float32',
  }
}

const DEFAULT_BASE = 10_000 // llama.cpp

/** Rows of the token table. Throws gguf.header where there is none. */
function vocabularySize({ tensors, metadata }: GgufModel): number {
  const [rows] = tensors.get('token_embd.weight')?.shape ?? []
  if (rows === undefined) throw badHeader('the file has no token table', metadata.file, { tensor: 'token_embd.weight' })
  return rows
}

/** The rows of a weight whose heads rotate neighbouring pairs in the file, and pairs half a head apart in transformers. Throws gguf.header where rows do not part into heads. */
export function pairedRows(name: string, heads: number, model: GgufModel): Pick<Placement, 'rows'> {
  const [count = 0] = model.tensors.get(name)?.shape ?? []
  const size = count / heads
  if (!Number.isInteger(size / 2))
    throw badHeader('the rows of a tensor do not part into heads', model.metadata.file, {
      tensor: name,
      rows: count,
      heads,
    })
  const half = size / 2
  const rows = Array.from({ length: count }, (_, row) => {
    const [head, at] = [Math.floor(row / size), row % size]
    return head * size + 2 * (at % half) + Math.floor(at / half)
  })
  return { rows }
}
