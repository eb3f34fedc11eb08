/** Qwen 2, 2.5 and 3: rows as in transformers. */
import { decoderConfig, decoderName } from './decoder.js'
import type { GgufFamily } from './family.js'
import { rotaryScaling } from './rotary-scaling.js'

export const qwen2: GgufFamily = family('qwen2', 'Qwen2ForCausalLM')
export const qwen3: GgufFamily = family('qwen3', 'Qwen3ForCausalLM')

function family(architecture: string, className: string): GgufFamily {
  return {
    architecture,
    config: (model) => ({
      model_type: architecture,
      architectures: [className],
      ...decoderConfig(model),
      ...rotaryScaling(model.metadata),
      use_sliding_window: false,
      ...(architecture === 'qwen3' && { attention_bias: model.tensors.has('blk.0.attn_q.bias') }),
    }),
    place(name) {
      const known = decoderName(name)
      return known === undefined ? undefined : { name: known }
    },
  }
}
