/** A quantizer under test. */
import { EspalierError, type Quantizer, type Weight, type WeightSite } from '@espalier/core'

/** The quantizer, and what its suite needs of it. */
export interface QuantizerSubject {
  readonly quantizer: Quantizer
  /** Of the weight's largest magnitude, where weights say no bound themselves. */
  readonly largestError: number
  /** The weight of a site with floats. Throws testkit.options when the quantizer leaves it in floats. */
  pack(site: WeightSite): Weight
}

/** The subject. Throws testkit.options for a quantizer that packs no floats. */
export function quantizerSubject(quantizer: Quantizer, largestError: number): QuantizerSubject {
  return {
    quantizer,
    largestError,
    pack(site) {
      const weight = quantizer.weights(null)?.(site)
      if (weight !== undefined) return weight
      throw new EspalierError('testkit.options', {
        what: 'the quantizer packs no floats of this layer',
        got: { method: quantizer.method, kind: site.kind, shape: site.shape },
        fix: 'Give sites that it packs, and the options with which it packs',
      })
    },
  }
}
