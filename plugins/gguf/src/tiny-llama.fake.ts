/** A tiny Llama in a GGUF file, with one packed type for its layers and another for its table. */
import { packedTypes } from './blocks/block-type.js'
import { countingBlocks, ggufBytes, type Written, type WrittenTensor } from './gguf-writer.fake.js'
import type { PackedType } from './weights/weight-parts.js'

const HIDDEN = 256
const WORDS = [...'abcdefgh', 'ab', '<s>', '</s>', 'Ġ']
const Q8_0 = 8

/** Metadata of the file. */
export const tinyMetadata: Readonly<Record<string, Written>> = {
  'general.architecture': ['text', 'llama'],
  'llama.block_count': ['u32', 1],
  'llama.context_length': ['u32', 64],
  'llama.embedding_length': ['u32', HIDDEN],
  'llama.feed_forward_length': ['u32', HIDDEN],
  'llama.attention.head_count': ['u32', 2],
  'llama.attention.head_count_kv': ['u32', 1],
  'llama.attention.layer_norm_rms_epsilon': ['f32', 1e-5],
  'llama.rope.dimension_count': ['u32', HIDDEN / 2],
  'tokenizer.ggml.model': ['text', 'gpt2'],
  'tokenizer.ggml.pre': ['text', 'gpt-2'],
  'tokenizer.ggml.tokens': ['texts', WORDS],
  'tokenizer.ggml.token_type': ['i32s', WORDS.map((word) => (word.startsWith('<') ? 3 : 1))],
  'tokenizer.ggml.merges': ['texts', ['a b']],
  'tokenizer.ggml.bos_token_id': ['u32', 9],
  'tokenizer.ggml.eos_token_id': ['u32', 10],
  'tokenizer.ggml.add_bos_token': ['bool', true],
}

/** Its tensors. number: of the layers' type in the format. */
export function tinyTensors(number: number, name: string): WrittenTensor[] {
  const packed = (of: string, kind: number, tensor: string, rows: number, columns = HIDDEN): WrittenTensor => ({
    name: tensor,
    shape: [rows, columns],
    type: kind,
    bytes: countingBlocks(packedTypes.get(of) as PackedType, rows * columns),
  })
  const norm = (tensor: string): WrittenTensor => ({
    name: tensor,
    shape: [HIDDEN],
    type: 0,
    bytes: new Uint8Array(new Float32Array(HIDDEN).fill(1).buffer),
  })
  const layer = (tensor: string, rows: number) => packed(name, number, `blk.0.${tensor}.weight`, rows)
  return [
    packed('Q8_0', Q8_0, 'token_embd.weight', WORDS.length),
    norm('output_norm.weight'),
    norm('blk.0.attn_norm.weight'),
    norm('blk.0.ffn_norm.weight'),
    layer('attn_q', HIDDEN),
    layer('attn_k', HIDDEN / 2),
    layer('attn_v', HIDDEN / 2),
    layer('attn_output', HIDDEN),
    layer('ffn_gate', HIDDEN),
    layer('ffn_up', HIDDEN),
    layer('ffn_down', HIDDEN),
  ]
}

/** The whole file, in Q4_K unless another type is named. */
export function tinyLlama(number = 12, name = 'Q4_K'): Uint8Array<ArrayBuffer> {
  return ggufBytes(tinyMetadata, tinyTensors(number, name))
}
