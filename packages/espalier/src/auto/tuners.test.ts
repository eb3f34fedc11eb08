import { describe, expect, it } from 'vitest'
import { optionsOf } from '../cli/options.js'
import { knownTuners, tunersByKind } from './tuners.js'

describe('the table of tuners', () => {
  it('names each by its kind, and --peft-type offers all of them', async () => {
    const kinds = (await knownTuners()).map(({ kind }) => kind)
    expect(kinds).toEqual(Object.keys(tunersByKind))
    expect(optionsOf('train').find(({ name }) => name === 'peft-type')?.choices).toEqual([...kinds, 'none'])
  })
})
