import type { Architecture } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { savedTask } from './saved-task.js'

const family: Architecture = {
  modelType: 'tiny',
  tasks: ['CAUSAL_LM', 'SEQ_CLS', 'FEATURE_EXTRACTION'],
  baseModelPrefix: 'model',
  defaultTargets: [],
  build: () => {
    throw new Error('nothing is built')
  },
}

describe('savedTask', () => {
  it.each([
    [['TinyForSequenceClassification'], 'SEQ_CLS'],
    [['TinyModel'], 'FEATURE_EXTRACTION'],
    [['TinyForMultipleChoice', 'TinyForSequenceClassification'], 'SEQ_CLS'],
    [['TinyWithLMHeadModel'], 'CAUSAL_LM'],
    [['Tiny'], 'CAUSAL_LM'],
    [[], 'CAUSAL_LM'],
  ] as const)('reads %j as %s', (architectures, task) => {
    expect(savedTask({ architectures }, family, 'tiny')).toBe(task)
  })

  it.each(['TinyForMultipleChoice', 'TinyForPreTraining', 'TinyForTokenClassification'])(
    'refuses %s, which has a head that the family has not',
    (name) => {
      expect(() => savedTask({ architectures: [name] }, family, 'tiny')).toThrow(
        expect.objectContaining({ code: 'model.unsupported', details: expect.objectContaining({ class: name }) }),
      )
    },
  )
})
