/** Llama and Mistral: query and key rows lie in pairs, and later Llamas bring factors of their rotation along as a tensor. */
import { unsupportedGguf } from '../errors.js'
import { decoderConfig, decoderName, pairedRows } from './decoder.js'
import type { GgufFamily, GgufModel } from './family.js'
import { rotaryScaling } from './rotary-scaling.js'

export const llama: GgufFamily = {
  architecture: 'llama',
  config(model) {
    const { metadata, tensors } = model
    metadata.refuse('.expert_count', (count) => count === 0, 'experts of this architecture are not read')
    if (tensors.has(FACTORS))
      throw unsupportedGguf('the rotation is scaled by factors that lie in a tensor', metadata.file, {
        tensor: FACTORS,
      })
    return {
      model_type: 'llama',
      architectures: ['LlamaForCausalLM'],
      head_dim: metadata.number('.rope.dimension_count'),
      ...decoderConfig(model),
      ...rotaryScaling(metadata),
      attention_bias: tensors.has('blk.0.attn_q.bias'),
      mlp_bias: tensors.has('blk.0.ffn_up.bias'),
    }
  },
  place(name, model) {
    const known = decoderName(name)
    if (known === undefined) return undefined
    return { name: known, ...rowsOf(name, model) }
  },
}

const FACTORS = 'rope_freqs.weight'

function rowsOf(name: string, model: GgufModel) {
  const [, which] = /\.attn_([qk])\./.exec(name) ?? []
  if (which === undefined) return {}
  const { num_attention_heads: all, num_key_value_heads: keys } = decoderConfig(model)
  return pairedRows(name, (which === 'q' ? all : keys) as number, model)
}
