/** What config.json says of quantization: the method that packed the weights, under any of the keys that libraries write it to. */
import { isRecord } from './config-reader.js'

/** How a checkpoint's weights were quantized. */
export interface Quantization {
  /** `quant_method`: bitsandbytes, gptq, awq, fp8, compressed-tensors, torchao, mxfp4, bitnet, ... */
  readonly method: string
  /** Which of the method's forms, where config.json says it: int8, nf4, fp4 of bitsandbytes, else the number of bits. */
  readonly form: string | null
  /** The whole entry of config.json. */
  readonly config: Readonly<Record<string, unknown>>
}

const KEYS = ['quantization_config', 'compression_config', 'quantization'] // the last one is MLX's

/** The quantization that a configuration names, also inside one of its parts (`text_config`); null for weights that are plain floats. */
export function quantizationOf(values: Readonly<Record<string, unknown>>): Quantization | null {
  for (const part of [values, ...Object.values(values)]) {
    if (!isRecord(part)) continue
    const config = KEYS.map((key) => part[key]).find(isRecord)
    if (config !== undefined) return { method: methodOf(config), form: formOf(config), config }
  }
  return null
}

// bitsandbytes wrote no quant_method before transformers 4.35.
function methodOf(config: Quantization['config']): string {
  const { quant_method: method, load_in_4bit: in4, load_in_8bit: in8 } = config
  if (typeof method === 'string' && method !== '') return method
  if (in4 === true || in8 === true) return 'bitsandbytes'
  return 'group_size' in config && 'bits' in config ? 'mlx' : 'not named'
}

function formOf(config: Quantization['config']): string | null {
  const { load_in_4bit: in4, load_in_8bit: in8, bnb_4bit_quant_type: type, bits } = config
  if (in4 === true) return typeof type === 'string' ? type : 'fp4' // the default of BitsAndBytesConfig
  if (in8 === true) return 'int8'
  return typeof bits === 'number' ? `${bits} bits` : null
}
