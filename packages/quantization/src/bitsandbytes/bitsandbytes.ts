/** The quantizer of bitsandbytes: NF4, FP4 and LLM.int8(), in the layout of its checkpoints. */
import {
  EspalierError,
  type Quantizer,
  type Shape,
  type Weight,
  type WeightFactory,
  type WeightSite,
} from '@espalier/core'
import { isFormat, packedInt8, storedInt8 } from '../llm-int8/int8-rows-site.js'
import { TransposedWeight, turned } from '../transposed-weight.js'
import { type BitsAndBytesConfig, type FullConfig, fileConfig, fullConfig } from './config.js'
import { STATE_PREFIX } from './four-bit-layout.js'
import { packedFourBit, storedFourBit } from './four-bit-site.js'
import type { FloatName } from './quant-state.js'
import { isSkipped } from './skipped-modules.js'

const BLOCK = 64 // values that share a scale, in every weight that transformers packs

/**
 * Reads checkpoints that transformers saved with bitsandbytes, whatever their form. With `loadIn4bit` or `loadIn8bit` it packs the linear
 * layers of others as they are read, in the same layout. Throws config.value, config.unknown, config.unsupported.
 */
export function bitsandbytes(config: BitsAndBytesConfig = {}): Quantizer {
  const full = fullConfig(config)
  const packs = full.loadIn4bit || full.loadIn8bit
  return {
    method: 'bitsandbytes',
    describes: (name) => name.includes(`.${STATE_PREFIX}`) || isFormat(name),
    weights(stored) {
      if (stored === null) return packs ? packing(full) : undefined
      requireBytes(stored)
      return reading
    },
    ...(packs && { fileConfig: (kept: readonly string[]) => fileConfig(full, kept) }),
  }
}

const reading: WeightFactory = (site) => {
  const shape = codeShape(site)
  if (site.kind === 'embedding') return undefined
  return inLayerOrder(site, storedInt8(site, shape) ?? storedFourBit(site, shape))
}

function packing({
  loadIn8bit,
  bnb4bitQuantType,
  bnb4bitUseDoubleQuant,
  llmInt8SkipModules,
}: FullConfig): WeightFactory {
  return (site) => {
    const { kind, path, dtype, staysFloat, isOutput } = site
    if (kind === 'embedding' || staysFloat) return undefined
    if (llmInt8SkipModules === null ? isOutput : isSkipped(path, llmInt8SkipModules)) return undefined
    const shape = codeShape(site)
    const oriented = kind === 'conv1d' ? turned : (floats: Parameters<typeof turned>[0]) => floats
    if (loadIn8bit) return inLayerOrder(site, packedInt8(site, shape, oriented))
    const float: FloatName = dtype === 'f16' ? 'float16' : 'float32'
    const settings = { type: bnb4bitQuantType, blockSize: BLOCK, nested: bnb4bitUseDoubleQuant, dtype: float }
    return inLayerOrder(site, packedFourBit(site, shape, settings, oriented))
  }
}

// Codes are (out, in), also of layers that keep their weight (in, out).
function codeShape({ kind, shape }: WeightSite): Shape {
  return kind === 'conv1d' ? [...shape].reverse() : shape
}

function inLayerOrder({ kind }: WeightSite, weight: Required<Weight> | undefined): Weight | undefined {
  return kind === 'conv1d' && weight !== undefined ? new TransposedWeight(weight) : weight
}

function requireBytes({ bnb_4bit_quant_storage: storage = 'uint8' }: Readonly<Record<string, unknown>>): void {
  if (storage === 'uint8') return
  throw new EspalierError('model.quantized', {
    what: 'the bytes of the codes are stored as numbers of another dtype',
    got: { bnb_4bit_quant_storage: storage },
    fix: 'Save the model with bnb_4bit_quant_storage uint8.',
  })
}
