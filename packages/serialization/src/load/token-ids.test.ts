import { expect, it } from 'vitest'
import { tokenIdWarnings } from './token-ids.js'

const warnings = (values: Readonly<Record<string, unknown>>) => tokenIdWarnings('config.json', values, 100)

it('takes ids of the vocabulary, lists of them, and none', () => {
  expect(warnings({ eos_token_id: [0, 99], pad_token_id: null, bos_token_id: 1, hidden_size: 'x' })).toEqual([])
})

it('tells ids that the model has no token for', () => {
  expect(warnings({ eos_token_id: [2, 999], pad_token_id: -1 })).toEqual([
    'eos_token_id of config.json is 999: the model has the ids 0 to 99',
    'pad_token_id of config.json is -1: the model has the ids 0 to 99',
  ])
})

it('refuses what is no id, naming file and key', () => {
  for (const value of ['x', 1.5, true, [1, '2'], {}, [[1]]])
    expect(() => warnings({ eos_token_id: value })).toThrow(
      expect.objectContaining({ code: 'model.config', details: { file: 'config.json', key: 'eos_token_id', value } }),
    )
})
