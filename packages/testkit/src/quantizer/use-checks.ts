/** A packed weight under a layer that does not know it: products, gradients, and every backend alike. */
import {
  type Backend,
  feed,
  gradients,
  type HostTensor,
  hostTensor,
  Linear,
  matmul,
  mul,
  Random,
  reduceSum,
  type Tensor,
} from '@espalier/core'
import type { Check } from '../check.js'
import { expectClose } from '../compare.js'
import { decoded, runOn } from './decoded.js'
import { floatSite, type QuantizerSite } from './sites.js'
import type { QuantizerSubject } from './subject.js'

const ROWS = 3
const SAME = { absolute: 1e-6, relative: 1e-5 } // float32, sums of a row's terms in another order

/** Checks of one layer in use. backends: others that decode, by name. */
export function useChecks(
  { pack }: QuantizerSubject,
  site: QuantizerSite,
  backends: Readonly<Record<string, () => Backend>>,
): Check[] {
  return [
    ...(site.kind === 'linear' ? [layerCheck(pack, site)] : []),
    ...Object.entries(backends).map(([name, open]) => ({
      name: `decodes on ${name} as on the reference executor`,
      async run() {
        const weight = pack(floatSite(site))
        const backend = open()
        try {
          expectClose(await decoded(weight, backend), await decoded(weight), SAME, `the weight on ${name}`)
        } finally {
          await backend.close()
        }
      },
    })),
  ]
}

function layerCheck(pack: QuantizerSubject['pack'], site: QuantizerSite): Check {
  return {
    name: 'multiplies as its floats do, forwards and backwards',
    async run() {
      const weight = pack(floatSite(site))
      const floats = await decoded(weight)
      const [outSize = 0, inSize = 0] = site.shape
      const random = new Random(3)
      const feeds = {
        x: hostTensor('f32', [ROWS, inSize], random.at('x').normal(ROWS * inSize, 1)),
        direction: hostTensor('f32', [ROWS, outSize], random.at('direction').normal(ROWS * outSize, 1)),
      }
      const got = await runOn(
        weight,
        stepOf((x) => new Linear(weight, null).forward(x), feeds),
        feeds,
      )
      const given = { ...feeds, w: floats }
      const w = feed('w', 'f32', floats.shape)
      const want = await runOn(
        weight,
        stepOf((x) => matmul(x, w, { transposeB: true }), feeds),
        given,
      )
      for (const name of ['y', 'dx']) expectClose(got[name], want[name] as HostTensor, SAME, name)
    },
  }
}

// y, and the gradient of a sum of y's entries, each times another number, with respect to x.
function stepOf(layer: (x: Tensor) => Tensor, feeds: Readonly<Record<'x' | 'direction', HostTensor>>) {
  const x = feed('x', 'f32', feeds.x.shape)
  const y = layer(x)
  const loss = reduceSum(mul(y, feed('direction', 'f32', feeds.direction.shape)))
  return { y, dx: gradients(loss, [x])[0] as Tensor }
}
