/** The quantizer of the weights that a GGUF file holds, as `ggufFiles` presents them. */
import { EspalierError, type Quantizer, type WeightFactory } from '@espalier/core'
import { packedTypes } from '../blocks/block-type.js'
import { PackedWeight } from './packed-weight.js'
import { partShape, partsOf, typeNameOf, type WeightPart } from './weight-parts.js'

/** `quant_method` of the configuration that stands for a GGUF file. */
export const GGUF_METHOD = 'gguf'

/** Reads packed weights of models that `ggufFiles` presents; it packs nothing. */
export function ggufWeights(): Quantizer {
  return { method: GGUF_METHOD, weights: (config) => (config === null ? undefined : stored) }
}

const stored: WeightFactory = (site) => {
  const { path, kind, shape, dtype, tensors } = site
  const name = typeNameOf(tensors.keys())
  if (name === undefined) return undefined
  const type = packedTypes.get(name)
  if (type === undefined || kind === 'conv1d')
    throw new EspalierError('model.quantized', {
      what: 'packed blocks of this type, or for such a layer, are not read',
      got: { layer: path, type: name, kind },
    })
  const { codes, scales, groupScales, least, groupLeast } = partsOf(type)
  const parameter = (part: WeightPart) =>
    site.stored(part.name, { dtype: part.dtype === 'f16' ? 'f32' : part.dtype, shape: partShape(part, type, shape) })
  return new PackedWeight(dtype, shape, type, {
    codes: parameter(codes),
    scales: parameter(scales),
    ...(groupScales && { groupScales: parameter(groupScales) }),
    ...(least && { least: parameter(least) }),
    ...(groupLeast && { groupLeast: parameter(groupLeast) }),
  })
}
