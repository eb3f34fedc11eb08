/** What was packed, in a checkpoint: it is read as it was, and layers that stay floats are left alone. */
import { type HostTensor, memorySource, type StoredTensor, type Weight } from '@espalier/core'
import { type Check, expectThat } from '../check.js'
import { EXACT, expectClose } from '../compare.js'
import { decoded } from './decoded.js'
import { valuesOf } from './packed-checks.js'
import { floatSite, PATH, type QuantizerSite, siteOf } from './sites.js'
import type { QuantizerSubject } from './subject.js'

/** Checks of reading one layer that was saved. */
export function storedChecks({ quantizer, pack }: QuantizerSubject, site: QuantizerSite): Check[] {
  const config = quantizer.fileConfig?.([]) ?? { quant_method: quantizer.method }
  return [
    {
      name: 'is read from its own checkpoint with the same values, and saved again whole',
      async run() {
        const weight = pack(floatSite(site))
        const tensors = await savedTensors(weight, (name) => quantizer.describes?.(name) === true)
        const read = quantizer.weights(config)?.(siteOf(site, tensors))
        expectThat(read !== undefined, 'the quantizer does not read what it packed', { tensors: [...tensors.keys()] })
        expectClose(await decoded(read as Weight), await decoded(weight), EXACT, 'the weight that was saved')
        const again = await savedTensors(read as Weight, () => false)
        expectThat(
          [...again.keys()].join() === [...tensors.keys()].join(),
          'a weight that was loaded is saved with other tensors',
          { got: [...again.keys()], want: [...tensors.keys()] },
        )
      },
    },
    {
      name: 'names its method in the configuration that it writes',
      async run() {
        expectThat(config.quant_method === quantizer.method, 'the configuration names another method', { config })
      },
    },
    {
      name: 'leaves layers in floats that stay so, or that a checkpoint has in floats',
      async run() {
        const kept = quantizer.weights(null)?.(floatSite(site, undefined, { staysFloat: true }))
        expectThat(kept === undefined, 'a layer was packed that stays in floats')
        const stored = quantizer.weights(config)?.(floatSite(site))
        expectThat(stored === undefined, 'a layer of a packed checkpoint was read as codes where it has floats')
      },
    },
  ]
}

/** What a file would hold of a weight, by the rest of the names. hasBytes: of the tensors whose bytes the quantizer asks for. */
async function savedTensors(
  weight: Weight,
  hasBytes: (name: string) => boolean,
): Promise<ReadonlyMap<string, StoredTensor>> {
  const values = await valuesOf(weight)
  const entries = weight.parameters.flatMap(({ path, isPersistent }, i): [string, StoredTensor][] => {
    const tensor = values[i] as HostTensor
    const { buffer, byteOffset, byteLength } = tensor.data
    const bytes = new Uint8Array(buffer, byteOffset, byteLength)
    const own = hasBytes(path) ? { ...memorySource(tensor), bytes } : memorySource(tensor)
    return isPersistent ? [[path.slice(PATH.length + 1), own]] : []
  })
  return new Map(entries)
}
