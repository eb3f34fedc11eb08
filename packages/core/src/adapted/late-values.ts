/** Values that a tuner computes from base weights, such as DoRA's magnitudes: layer after layer, one weight in memory at a time. */
import { reference } from '../backend/reference.js'
import type { HostTensor } from '../dtype.js'
import { EspalierError } from '../errors.js'
import { cast } from '../graph/ops/cast.js'
import type { Adaptable } from '../module/adaptable.js'
import { sameShape } from '../shape.js'
import type { LateValues } from '../tuner/adapter.js'
import type { BaseValues, FromWeight } from '../tuner/families.js'
import { weightRequests } from './weights.js'

/** A value and the base layer that it comes from. */
export interface LateValue {
  readonly value: FromWeight
  readonly layer: Adaptable
}

/** Reading of values by key. Throws config.value when a tuner computes another dtype or shape than it announced. */
export function lateValues(all: ReadonlyMap<string, LateValue>): LateValues {
  return {
    shapes: new Map([...all].map(([key, { value }]) => [key, value.shape])),
    async read(keys) {
      const byLayer = new Map<Adaptable, [string, FromWeight][]>()
      for (const key of keys) {
        const { value, layer } = all.get(key) as LateValue
        byLayer.set(layer, [...(byLayer.get(layer) ?? []), [key, value]])
      }
      const read = new Map<string, HostTensor>()
      for (const [layer, values] of byLayer) {
        const base = await baseValues(layer)
        for (const [key, value] of values) read.set(key, checked(key, value, await value.from(base)))
      }
      return read
    },
  }
}

// A weight says in the graph what it is, whatever its encoding and order; nothing else needs to know.
async function baseValues(layer: Adaptable): Promise<BaseValues> {
  const backend = reference()
  try {
    const { bias } = layer
    const outputs = {
      weight: cast(layer.orientedWeight(), 'f32'),
      ...(bias === null ? {} : { bias: cast(bias.value, 'f32') }),
    }
    const weights = await backend.loadWeights(weightRequests(layer))
    const executable = await backend.compile({ name: 'base values', outputs }, { weights })
    const values = await executable.run({})
    return { weight: values.weight as HostTensor, bias: values.bias }
  } finally {
    await backend.close()
  }
}

function checked(key: string, { shape }: FromWeight, tensor: HostTensor): HostTensor {
  if (tensor.dtype === 'f32' && sameShape(tensor.shape, shape)) return tensor
  throw new EspalierError('config.value', {
    what: 'a tuner computed another tensor from the base weight than it announced',
    got: { key, dtype: tensor.dtype, shape: tensor.shape, announced: shape },
  })
}
