/** The LLM.int8() weight of a layer: as its checkpoint holds it, or packed from its floats as they are read. */
import {
  EspalierError,
  type HostTensor,
  joinPath,
  Parameter,
  type ParameterSource,
  type Shape,
  type Spec,
  type WeightSite,
} from '@espalier/core'
import { packedSources } from '../packed-sources.js'
import { int8Rows } from './int8-rows.js'
import { BY_ROWS, Int8RowsWeight } from './int8-rows-weight.js'

const FORMAT = 'weight_format'

/** Whether a tensor of this name is a format that has to be known before codes can be read. */
export function isFormat(name: string): boolean {
  return name.endsWith(`.${FORMAT}`)
}

/** shape: (out, in). Undefined where the checkpoint holds no such weight of the layer. Throws quantization.state for codes in an order of old GPUs. */
export function storedInt8(site: WeightSite, shape: Shape): Int8RowsWeight | undefined {
  if (!site.tensors.has('SCB')) return undefined
  const [codes, scales, format] = specsOf(shape)
  const named = site.tensors.get(FORMAT)
  const order = named?.bytes?.[0] ?? 0
  if (order !== 0) throw otherOrder(joinPath(site.path, FORMAT), order)
  return new Int8RowsWeight(site.dtype, [
    site.stored('weight', codes),
    site.stored('SCB', scales),
    ...(named === undefined ? [] : [site.stored(FORMAT, format)]),
  ])
}

/** The layer's floats as such a weight. shape: (out, in); oriented: turns the file's floats into that. */
export function packedInt8(
  site: WeightSite,
  shape: Shape,
  oriented: (floats: HostTensor) => HostTensor,
): Int8RowsWeight {
  const floats = site.floats()
  const specs = specsOf(shape)
  const sources = packedSources(floats, specs, (values) => {
    const { codes, scales } = int8Rows(oriented(values), floats.path)
    return [codes, scales, BY_ROWS]
  })
  const parameters = ['weight', 'SCB', FORMAT].map((name, i) => {
    const { dtype, shape } = specs[i] as Spec
    return new Parameter(joinPath(site.path, name), dtype, shape, sources[i] as ParameterSource)
  })
  return new Int8RowsWeight(site.dtype, parameters)
}

function specsOf(shape: Shape): readonly [Spec, Spec, Spec] {
  return [
    { dtype: 'i8', shape },
    { dtype: 'f32', shape: shape.slice(0, 1) },
    { dtype: 'u8', shape: [] },
  ]
}

function otherOrder(tensor: string, value: number): EspalierError {
  return new EspalierError('quantization.state', {
    what: 'codes of LLM.int8() lie in the order of one kind of GPU',
    got: { tensor, value, want: 0 },
    fix: 'Load and save the model with a current version of transformers, which writes them row by row.',
  })
}
