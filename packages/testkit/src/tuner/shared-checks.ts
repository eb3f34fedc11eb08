/** State that all layers share: held once, trained only where the tuner says so, and used. */
import { type HostTensor, hostTensor, sizeOf } from '@espalier/core'
import { type Check, expectThat } from '../check.js'
import { expectDiffers } from './output-checks.js'
import { logitsOf } from './run-model.js'
import type { TunerSubject } from './subject.js'

const SHARED = 'base_model.' // how its keys begin, one level above every module's

/** Checks of shared state; none for a tuner without any. */
export function sharedChecks(subject: TunerSubject): Check[] {
  const { shared } = subject.tuner
  if (shared === undefined) return []
  return [
    {
      name: 'what all layers share is held once, and gets a gradient only where the tuner says that it trains',
      async run() {
        const adapted = subject.fresh()
        const { sites, specs, bufferSpecs } = adapted.adapter('default')
        const keys = [...specs.keys(), ...bufferSpecs.keys()].filter((key) => key.startsWith(SHARED))
        const trainable = adapted.trainable()
        const values = await trainable.trainable()
        const ofShared = (slots: Iterable<string>) => [...slots].filter((slot) => slot.includes(SHARED))
        const [trains, fixed] = [ofShared(values.keys()), ofShared(trainable.fixed().keys())]
        expectThat(sites.length > 1 && keys.length > 0, 'layers have something to share', {
          layers: sites.length,
          keys,
        })
        const want = shared.trains === true ? [keys.length, 0] : [0, keys.length]
        expectThat(trains.length === want[0] && fixed.length === want[1], 'shared state trains against its word', {
          trains,
          fixed,
          keys,
        })
        const size = [...values.values()].reduce((sum, { shape }) => sum + sizeOf(shape), 0)
        const counted = adapted.parameterCounts().trainable
        expectThat(counted === size, 'other parameters are counted as trained than are', { counted, size })
      },
    },
    {
      name: 'every tensor that all layers share and the file holds decides the output',
      async run() {
        const adapted = await subject.moved()
        const adapter = adapted.adapter('default')
        const [before, values] = [await logitsOf(adapted), await adapter.values()]
        for (const key of [...values.keys()].filter((one) => one.startsWith(SHARED))) {
          const { dtype, shape, data } = values.get(key) as HostTensor
          const doubled = hostTensor(
            dtype,
            shape,
            Array.from(data, (x) => 2 * x + 0.1),
          )
          adapter.setValues(new Map([...values, [key, doubled]]))
          expectDiffers(await logitsOf(adapted), before, `other values of ${key}`)
        }
      },
    },
  ]
}
