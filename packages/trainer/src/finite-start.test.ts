import { hostTensor, namedParameters, type Parameter, reference, sizeOf, withValues } from '@espalier/core'
import { expect, it } from 'vitest'
import type { TrainingEvent } from './events.js'
import { requireFiniteWeights } from './finite-start.js'
import { toyBatch, toyModel, toyRows, toySteps } from './toy-model.fake.js'
import { Trainer } from './trainer.js'

it.each([Number.NaN, Number.POSITIVE_INFINITY])(
  'ends a run that would start with %d before its first step',
  async (value) => {
    const backend = reference()
    const model = toyModel()
    const [[name = '', before]] = [...(await model.trainable())] as [[string, ReturnType<typeof hostTensor>]]
    const data = Float32Array.from(before.data as Float32Array)
    data[1] = value
    model.commit(new Map([[name, hostTensor('f32', before.shape, data)]]))
    const events: TrainingEvent[] = []
    const trainer = new Trainer({
      model,
      backend,
      weights: await backend.loadWeights(new Map()),
      steps: toySteps([toyBatch(toyRows)], 2),
      onEvent: (event) => void events.push(event),
    })
    await expect(trainer.train()).rejects.toMatchObject({ code: 'training.diverged', details: { parameters: [name] } })
    expect(events).toEqual([])
  },
)

it('names frozen weights that are not finite', async () => {
  const { base } = toyModel()
  await requireFiniteWeights(base)
  const [path = ''] = namedParameters(base).keys()
  const { shape } = namedParameters(base).get(path) as Parameter
  const broken = hostTensor('f32', shape, new Float32Array(sizeOf(shape)).fill(Number.NaN))
  await expect(requireFiniteWeights(withValues(base, new Map([[path, broken]])))).rejects.toMatchObject({
    code: 'training.diverged',
    details: { weights: [path] },
  })
})
