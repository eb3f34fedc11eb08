import { expect, it } from 'vitest'
import { unsupportedTask } from './unsupported-task.js'

it('says what to use instead of a head that an architecture is known to lack', () => {
  const family = {
    modelType: 'tiny',
    tasks: ['SEQ_CLS'] as const,
    baseModelPrefix: 'model',
    defaultTargets: [],
    build: () => {
      throw new Error('nothing is built')
    },
  }
  const of = (absentHeads = {}) => unsupportedTask({ ...family, absentHeads }, 'MASKED_LM')
  expect(of().message).toContain('Choose a task from that list')
  expect(of({ MASKED_LM: 'Use the other head' }).message).toContain('Use the other head')
  expect(of()).toMatchObject({ code: 'model.unsupported', details: { modelType: 'tiny', task: 'MASKED_LM' } })
})
