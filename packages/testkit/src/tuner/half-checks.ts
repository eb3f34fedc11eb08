/** A base that computes in f16: the tuner sees f32 all the same, so its state, its gradients and its output stay those of the f32 base. */
import { type HostTensor, toFloat64 } from '@espalier/core'
import { type Check, expectThat } from '../check.js'
import { EXACT, expectClose } from '../compare.js'
import { logitsOf, merge, trainingPass } from './run-model.js'
import type { TunerSubject } from './subject.js'

// Of the largest magnitude: 2^-11 at each of some 20 roundings between ids and logits, and back.
const HALF = 2e-2

/** Checks over a base in f16; `whole` is the same variant over the same weights in f32. */
export function halfChecks(half: TunerSubject, whole: TunerSubject): Check[] {
  return [
    {
      name: 'the output is that of the f32 base, in f16, and disabling gives the base back',
      async run() {
        const [adapted, exact] = [await half.moved(), await whole.moved()]
        const logits = await logitsOf(adapted)
        expectThat(logits.dtype === 'f16', 'an adapted layer answers in the dtype of its base', {
          dtype: logits.dtype,
        })
        expectClose(widen(logits), widen(await logitsOf(exact)), near(await logitsOf(exact)), 'logits over f16')
        adapted.setEnabled(false)
        expectClose(
          await logitsOf(adapted),
          await logitsOf(adapted, adapted.base.model),
          EXACT,
          'logits while disabled',
        )
      },
    },
    {
      name: 'what trains is f32, and its gradients are those over the f32 base',
      async run() {
        const [adapted, exact] = [await half.moved(), await whole.moved()]
        const narrow = [...(await adapted.trainable().trainable())].filter(([, { dtype }]) => dtype !== 'f32')
        expectThat(narrow.length === 0, 'an adapter trains in f32', { slots: narrow.map(([slot]) => slot) })
        const want = (await trainingPass(exact)).gradients
        const largest = Math.max(...[...want.values()].map(magnitude))
        for (const [slot, gradient] of (await trainingPass(adapted)).gradients)
          expectClose(
            gradient,
            want.get(slot) as HostTensor,
            { absolute: HALF * largest, relative: 0 },
            `gradient by ${slot} over f16`,
          )
      },
    },
    ...(half.tuner.merge === undefined
      ? []
      : [
          {
            name: 'merging gives the output of the forward, from weights in f32',
            async run() {
              const adapted = await half.moved()
              const active = await logitsOf(adapted)
              const narrow = [...(await merge(adapted))].filter(([, { dtype }]) => dtype === 'f16')
              expectThat(narrow.length === 0, 'merged weights are rounded once, where they are stored', {
                weights: narrow.map(([path]) => path),
              })
              expectClose(widen(await logitsOf(adapted)), widen(active), near(active), 'logits of the merged f16 model')
            },
          },
        ]),
  ]
}

function widen(tensor: HostTensor): HostTensor {
  return { dtype: 'f64', shape: tensor.shape, data: toFloat64(tensor) }
}

function near(tensor: HostTensor) {
  return { absolute: HALF * magnitude(tensor), relative: 0 }
}

function magnitude(tensor: HostTensor): number {
  return toFloat64(tensor).reduce((most, value) => Math.max(most, Math.abs(value)), 0)
}
