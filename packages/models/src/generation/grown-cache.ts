/** A key/value cache with more slots. Happens once per doubling, so it goes through the host, which every backend can do. */
import { type Backend, byteSize, cacheKind, type HostTensor, hostTensor, type StateSet } from '@espalier/core'

/** A new set with the tensors of `cache`, (batch, groups, slots, size): the decoder's own in more slots, the new ones zero; others as they are. */
export async function grownCache(backend: Backend, cache: StateSet, slots: number): Promise<StateSet> {
  const grown = new Map<string, HostTensor>()
  for (const name of cache.specs.keys()) {
    const tensor = (await cache.read([name])).get(name) as HostTensor
    grown.set(name, cacheKind(name) === 'self' ? withSlots(tensor, slots) : tensor)
  }
  return backend.createState(grown, { handsOver: true })
}

function withSlots({ dtype, shape, data }: HostTensor, slots: number): HostTensor {
  const [batch, groups, had, size] = shape as [number, number, number, number]
  const larger = hostTensor(dtype, [batch, groups, slots, size])
  const bytes = (array: HostTensor['data']) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
  const [from, to] = [bytes(data), bytes(larger.data)]
  const rowBytes = size * byteSize(dtype)
  for (let block = 0; block < batch * groups; block++) {
    to.set(from.subarray(block * had * rowBytes, (block + 1) * had * rowBytes), block * slots * rowBytes)
  }
  return larger
}
