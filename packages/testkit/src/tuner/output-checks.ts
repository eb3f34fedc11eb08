/** Outputs: nothing changes at the start, merging is the same as running, disabling gives the base back. */
import { type HostTensor, toFloat64 } from '@espalier/core'
import { type Check, expectError, expectThat } from '../check.js'
import { EXACT, expectClose } from '../compare.js'
import { logitsOf, merge } from './run-model.js'
import { type TunerSubject, within } from './subject.js'

const IDENTITY = 1e-5 // float32: the adapter's products may round
const DISABLED = 1e-6
const VISIBLE = 1e-3 // what a moved adapter changes at least

/** Checks of a tuner's outputs. */
export function outputChecks(subject: TunerSubject): Check[] {
  const { startsAsIdentity, mergeTolerance, tuner } = subject
  const mergeable = tuner.merge !== undefined
  return [
    {
      name: startsAsIdentity ? 'a new adapter changes nothing' : 'a new adapter changes the output at once',
      async run() {
        const adapted = subject.fresh()
        const [base, got] = [await logitsOf(adapted, adapted.base.model), await logitsOf(adapted)]
        if (startsAsIdentity) expectClose(got, base, within(IDENTITY), 'logits of a new adapter')
        else expectDiffers(got, base, 'a new adapter')
      },
    },
    {
      name: 'a moved adapter changes the output, and disabling it gives the base back',
      async run() {
        const adapted = await subject.moved()
        const [base, active] = [await logitsOf(adapted, adapted.base.model), await logitsOf(adapted)]
        expectDiffers(active, base, 'a moved adapter')
        adapted.setEnabled(false)
        expectClose(await logitsOf(adapted), base, within(DISABLED), 'logits while disabled')
        adapted.setEnabled(true)
        expectClose(await logitsOf(adapted), active, EXACT, 'logits when enabled again')
      },
    },
    ...(mergeable ? mergeChecks(subject, mergeTolerance) : [unmergeable(subject)]),
  ]
}

function mergeChecks(subject: TunerSubject, tolerance: number): Check[] {
  return [
    {
      name: 'forward and merge give the same output, and unmerging gives the forward back',
      async run() {
        const adapted = await subject.moved()
        const [base, active] = [await logitsOf(adapted, adapted.base.model), await logitsOf(adapted)]
        await merge(adapted)
        const merged = await logitsOf(adapted)
        expectClose(merged, active, within(tolerance), 'logits of the merged model')
        expectDiffers(merged, base, 'a merged adapter')
        adapted.clearMerged()
        expectClose(await logitsOf(adapted), active, EXACT, 'logits after unmerging')
        expectClose(await logitsOf(adapted, adapted.base.model), base, EXACT, 'logits of the base after unmerging')
      },
    },
    {
      name: 'merging two adapters together is merging one after the other; merging twice is merging once',
      async run() {
        const make = async () => {
          const adapted = await subject.moved('a', 1)
          adapted.addAdapter('b', subject.configured(), { seed: 2 })
          return adapted
        }
        const [together, after] = [await make(), await make()]
        if (together.adapter('a').saved.length > 0) {
          const both = () => merge(together, ['a', 'b'])
          await expectError('adapter.state', 'merging two adapters that train one module in full', both)
          return
        }
        await merge(together, ['a', 'b'])
        await merge(after, ['a'])
        await merge(after, ['b'])
        await merge(after, ['b'])
        expectClose(await logitsOf(after), await logitsOf(together), within(tolerance), 'logits of two merged adapters')
      },
    },
  ]
}

function unmergeable({ moved }: TunerSubject): Check {
  return {
    name: 'merging is refused with adapter.state, and changes nothing',
    async run() {
      const adapted = await moved()
      const before = await logitsOf(adapted)
      await expectError('adapter.state', 'merging a method that cannot be merged', () => merge(adapted))
      expectClose(await logitsOf(adapted), before, EXACT, 'logits after the refused merge')
    },
  }
}

/** Throws testkit.difference when two tensors are nearly equal, or not finite. */
export function expectDiffers(a: HostTensor, b: HostTensor, what: string): void {
  const [x, y] = [toFloat64(a), toFloat64(b)]
  const largest = x.reduce((most, value, i) => Math.max(most, Math.abs(value - (y[i] as number))), 0)
  expectThat(largest > VISIBLE, `${what} must change the output`, { largestDifference: String(largest) })
}
