/** Which quantizer makes a checkpoint's weights, and what it gets to see of the files. Quantized weights that no quantizer reads are refused. */
import { EspalierError, type Quantizer, type StoredTensor, type WeightFactory } from '@espalier/core'
import { quantizationOf } from '../hf-config/quantization.js'
import type { LocatedTensor, WeightFiles } from '../safetensors/sharded.js'
import type { LeftInFloats } from './left-in-floats.js'
import { packedTensors } from './packed-tensors.js'
import { parameterSource } from './parameter-sources.js'

/** A quantizer and its weights for one checkpoint. */
export interface ChosenQuantizer {
  readonly quantizer: Quantizer
  readonly weightOf: WeightFactory
}

/**
 * The quantizer of a configuration: the one of its method, or the first that packs floats; undefined where weights stay floats. Throws
 * model.quantized when none reads the method. folder: for the error.
 */
export function chooseQuantizer(
  values: Readonly<Record<string, unknown>>,
  quantizers: readonly Quantizer[],
  folder: string,
): ChosenQuantizer | undefined {
  const quantization = quantizationOf(values)
  for (const quantizer of quantizers) {
    if (quantization !== null && quantizer.method !== quantization.method) continue
    const weightOf = quantizer.weights(quantization?.config ?? null)
    if (weightOf !== undefined) return { quantizer, weightOf }
  }
  if (quantization === null) return undefined
  const { method, form } = quantization
  const known = quantizers.map((quantizer) => quantizer.method)
  throw new EspalierError('model.quantized', {
    what: 'the weights are quantized, and nothing here reads such weights',
    got: { folder, method, ...(form === null ? {} : { form }), ...(known.length === 0 ? {} : { known }) },
    fix: FIX,
  })
}

/** Throws model.quantized for packed weights where the configuration names no method. */
export function refuseUnnamed(
  values: Readonly<Record<string, unknown>>,
  { tensors }: WeightFiles,
  folder: string,
): void {
  const packed = packedTensors(tensors)
  if (packed.length === 0 || quantizationOf(values) !== null) return
  throw new EspalierError('model.quantized', {
    what: 'the weights are packed codes and not floats, and config.json does not say by which method',
    got: { folder, tensors: packed.slice(0, SHOWN), of: packed.length },
    fix: FIX,
  })
}

const SHOWN = 5 // names in an error
const FIX = 'Use a copy of the model that is not quantized, in float32, float16 or bfloat16.'
const MOST_DESCRIPTION = 65_536 // bytes; bitsandbytes' are some hundred

/** The factory with the tensors of a checkpoint at hand. Reads those that describe others, so that sites have their bytes. left: what is known of floats that are to be packed. */
export async function withStored(
  { quantizer, weightOf }: ChosenQuantizer,
  { tensors }: WeightFiles,
  below: (path: string) => ReadonlyMap<string, LocatedTensor>,
  left?: LeftInFloats,
): Promise<WeightFactory> {
  const described = new Map<LocatedTensor, Uint8Array>()
  for (const [name, tensor] of tensors)
    if (quantizer.describes?.(name) === true && tensor.byteLength <= MOST_DESCRIPTION)
      described.set(tensor, await tensor.read())
  const storedTensor = (tensor: LocatedTensor): StoredTensor => {
    const bytes = described.get(tensor)
    return { ...parameterSource(tensor), ...(bytes === undefined ? {} : { bytes }) }
  }
  return (site) => {
    const tensors = new Map([...below(site.path)].map(([name, tensor]) => [name, storedTensor(tensor)]))
    const isOutput = left?.outputs.has(site.path) ?? false
    const staysFloat = left !== undefined && (left.isFloatLayer(site.path) || !tensors.has('weight'))
    return weightOf({ ...site, tensors, isOutput, staysFloat })
  }
}
