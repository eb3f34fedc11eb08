/** Tensors of the base model in an adapter's file, which PEFT loads over the base's own: embeddings that were trained or made anew. */
import {
  EspalierError,
  type FileTensor,
  type HostTensor,
  hostTensor,
  hostTensorFromBytes,
  isFloat,
  type Parameter,
  packedParameters,
  sameShape,
  toFloat32,
} from '@espalier/core'
import type { AdapterPlace, SortedKeys } from './adapter-tensors.js'

/**
 * The values that take the place of the base's, by path of the parameter: those that differ. Of a tied parameter the last key counts, as
 * in PEFT. Throws adapter.tensors for another shape, such as more rows than the base has, and for packed weights.
 */
export async function replacedValues(
  { ofBase }: SortedKeys,
  tensors: ReadonlyMap<string, FileTensor>,
  { model, where }: AdapterPlace,
): Promise<Map<string, HostTensor>> {
  const packed = packedParameters(model)
  const faults = [...ofBase].flatMap(([key, parameter]) => {
    const { shape } = tensors.get(key) as FileTensor
    if (packed.has(parameter)) return [`${key}: the model's is packed`]
    const isSame = sameShape(shape, parameter.shape)
    return isSame ? [] : [`${key}: [${shape.join(', ')}], the model has [${parameter.shape.join(', ')}]`]
  })
  if (faults.length > 0)
    throw new EspalierError('adapter.tensors', {
      what: 'the adapter file holds tensors of the base model that do not fit it',
      got: { ...where, faults },
      fix: 'Load it into the base that it was trained on: with more rows for tokens, that is the one whose embeddings were resized.',
    })
  const last = new Map([...ofBase].map(([key, parameter]) => [parameter, key]))
  const values = new Map<string, HostTensor>()
  for (const [parameter, key] of last) {
    const value = await (tensors.get(key) as FileTensor).read()
    if (!(await isValueOf(parameter, value)))
      values.set(parameter.path, isFloat(value.dtype) ? value : hostTensor('f32', value.shape, toFloat32(value)))
  }
  return values
}

async function isValueOf({ source }: Parameter, value: HostTensor): Promise<boolean> {
  const own = hostTensorFromBytes(source.dtype, source.shape, await source.read())
  const [left, right] = own.dtype === value.dtype ? [own.data, value.data] : [toFloat32(own), toFloat32(value)]
  return left.every((number: number, i: number) => number === right[i])
}
