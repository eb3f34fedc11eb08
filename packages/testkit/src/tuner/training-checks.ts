/** Training: gradients are right, reach everything that trains, and change nothing else. */
import { type BaseModel, type HostTensor, hostTensor, namedParameters, toFloat64 } from '@espalier/core'
import { type Check, expectThat } from '../check.js'
import { gradientTolerance } from '../check-gradients.js'
import { EXACT, expectClose } from '../compare.js'
import { logitsOf, trainingPass } from './run-model.js'
import type { TunerSubject } from './subject.js'

const STEP = 2 ** -17 // as in check-gradients.ts
const RELATIVE = 1e-6
const MOST_ELEMENTS = 4 // of each tensor; each costs two passes

/** Checks of a tuner's gradients and of what a training step changes. */
export function trainingChecks(subject: TunerSubject): Check[] {
  return [
    {
      name: 'gradients agree with central differences in float64',
      async run() {
        const adapted = await subject.moved()
        const pass = await trainingPass(adapted)
        const values = await adapted.trainable().trainable()
        for (const [slot, gradient] of pass.gradients) {
          const elements = sampled((values.get(slot) as HostTensor).data.length)
          const want = await slopes(pass.loss, values, slot, elements)
          const all = toFloat64(gradient)
          const got = hostTensor(
            'f64',
            [elements.length],
            elements.map((i) => all[i] as number),
          )
          // The whole tensor's magnitude decides: an element may be small by cancellation.
          const tolerance = gradientTolerance(gradient, RELATIVE)
          expectClose(got, want, tolerance, `gradient by ${slot}, elements ${elements}`)
        }
      },
    },
    {
      name: 'a gradient reaches every tensor that trains',
      async run() {
        const adapted = await subject.moved()
        const pass = await trainingPass(adapted)
        const slots = [...(await adapted.trainable().trainable()).keys()]
        expectThat(slots.length > 0, 'an adapter has something to train')
        const idle = slots.filter((slot) =>
          toFloat64(pass.gradients.get(slot) ?? hostTensor('f64', [0])).every((g) => g === 0),
        )
        expectThat(idle.length === 0, 'some tensors train but get no gradient', { slots: idle })
      },
    },
    {
      name: 'a step down the gradient lowers the loss and changes the adapter alone',
      async run() {
        const adapted = await subject.moved()
        const before = await baseBytes(adapted.base)
        const baseLogits = await logitsOf(adapted, adapted.base.model)
        const trainable = adapted.trainable()
        const [pass, values, fixed] = [
          await trainingPass(adapted),
          await trainable.trainable(),
          copies(trainable.fixed()),
        ]
        const steps = [...values].map(([slot, value]) => [slot, stepped(value, pass.gradients.get(slot))] as const)
        trainable.commit(new Map(steps))
        const after = await (await trainingPass(adapted)).loss(await adapted.trainable().trainable())
        const start = await pass.loss(values)
        expectThat(after < start, 'a small step down the gradient must lower the loss', {
          before: String(start),
          after: String(after),
        })
        for (const [path, bytes] of await baseBytes(adapted.base))
          expectThat(bytes === before.get(path), 'training changed a weight of the base model', { path })
        expectClose(await logitsOf(adapted, adapted.base.model), baseLogits, EXACT, 'logits of the base after a step')
        for (const [slot, value] of trainable.fixed())
          expectClose(value, fixed.get(slot) as HostTensor, EXACT, `${slot}, which does not train`)
      },
    },
  ]
}

async function slopes(
  loss: (values: ReadonlyMap<string, HostTensor>) => Promise<number>,
  values: ReadonlyMap<string, HostTensor>,
  slot: string,
  elements: readonly number[],
): Promise<HostTensor> {
  const { dtype, shape, data } = values.get(slot) as HostTensor
  const found: number[] = []
  for (const i of elements) {
    const at = async (step: number) => {
      const moved = hostTensor(
        dtype,
        shape,
        Array.from(data, (x, j) => (j === i ? x + step : x)),
      )
      return { x: moved.data[i] as number, y: await loss(new Map([...values, [slot, moved]])) }
    }
    const [above, below] = [await at(STEP), await at(-STEP)]
    found.push((above.y - below.y) / (above.x - below.x))
  }
  return hostTensor('f64', [elements.length], found)
}

function sampled(size: number): number[] {
  const count = Math.min(size, MOST_ELEMENTS)
  return Array.from({ length: count }, (_, i) => Math.floor((i * size) / count))
}

function stepped(value: HostTensor, gradient: HostTensor | undefined): HostTensor {
  const g = gradient?.data
  return hostTensor(
    value.dtype,
    value.shape,
    Array.from(value.data, (x, i) => x - 1e-3 * ((g?.[i] as number | undefined) ?? 0)),
  )
}

async function baseBytes(base: BaseModel): Promise<Map<string, string>> {
  const entries = [...namedParameters(base.model)].map(
    async ([path, { source }]) => [path, (await source.read()).join()] as const,
  )
  return new Map(await Promise.all(entries))
}

function copies(tensors: ReadonlyMap<string, HostTensor>): Map<string, HostTensor> {
  return new Map([...tensors].map(([slot, tensor]) => [slot, { ...tensor, data: tensor.data.slice() }]))
}
