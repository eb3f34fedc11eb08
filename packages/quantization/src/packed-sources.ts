/** Packing as weights are read: one tensor of floats in memory at a time, and nothing before somebody asks. */
import {
  type HostTensor,
  memorySource,
  type Parameter,
  type ParameterSource,
  readSource,
  type Spec,
} from '@espalier/core'

/**
 * Sources of tensors that are made together from a parameter's floats. They are made when the first of them is read, and each is let go
 * once it was read, so a model that is read in order needs memory for one weight more than its codes.
 */
export function packedSources(
  floats: Parameter,
  specs: readonly Spec[],
  pack: (floats: HostTensor) => readonly HostTensor[],
): ParameterSource[] {
  let made = new Map<number, HostTensor>()
  let making: Promise<void> | undefined
  const make = async () => {
    const packed = pack(await readSource(floats.source))
    made = new Map(packed.entries())
  }
  const take = async (i: number): Promise<HostTensor> => {
    for (;;) {
      const tensor = made.get(i)
      if (tensor !== undefined) {
        made.delete(i)
        return tensor
      }
      making ??= make().finally(() => {
        making = undefined
      })
      await making
    }
  }
  return specs.map((spec, i) => ({ ...spec, read: async () => memorySource(await take(i)).read() }))
}
