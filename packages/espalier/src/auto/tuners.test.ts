import { EspalierError } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { optionsOf } from '../cli/options.js'
import { knownTuners, present, tunersByKind, unlessInstalled, withKnownTuners } from './tuners.js'

describe('the table of tuners', () => {
  it('names each by its kind, and --peft-type offers all of them', async () => {
    const kinds = (await knownTuners()).map(({ kind }) => kind)
    expect(kinds).toEqual(Object.keys(tunersByKind))
    expect(optionsOf('train').find(({ name }) => name === 'peft-type')?.choices).toEqual([...kinds, 'none'])
  })

  it('says how to install a package that is not there, and leaves other failures as they are', () => {
    const missing = Object.assign(new Error("Cannot find package '@espalier/tuner-ia3'"), {
      code: 'ERR_MODULE_NOT_FOUND',
    })
    expect(unlessInstalled('ia3', missing)).toMatchObject({
      code: 'plugin.unknown',
      fix: 'Run npm install @espalier/tuner-ia3',
    })
    const stub = new Error('Could not resolve "@espalier/tuner-ia3" imported by "espalier". Is it installed?')
    expect(unlessInstalled('ia3', stub)).toMatchObject({ code: 'plugin.unknown' })
    expect(() => present('ia3', undefined)).toThrow(expect.objectContaining({ code: 'plugin.unknown' }))
    expect(present('ia3', tunersByKind)).toBe(tunersByKind)
    const inside = Object.assign(new Error("Cannot find package 'other'"), { code: 'ERR_MODULE_NOT_FOUND' })
    expect(unlessInstalled('ia3', inside)).toBe(inside)
    const broken = new SyntaxError('unexpected token')
    expect(unlessInstalled('ia3', broken)).toBe(broken)
  })

  it('keeps the error for kinds that nobody knows', async () => {
    const error = new EspalierError('plugin.unknown', {
      what: 'no tuner has this peft_type',
      got: { peftType: 'GAIN' },
    })
    await expect(withKnownTuners([], () => Promise.reject(error))).rejects.toBe(error)
  })
})
