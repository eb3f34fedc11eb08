import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { dataFiles } from './rows.js'
import { HELD_OUT_TEMPLATES, TRAIN_TEMPLATES } from './templates.js'
import { NAMES } from './words.js'

describe('dataFiles', () => {
  it('gives the files that the package ships', async () => {
    const folder = new URL('../../../packages/espalier/assets/quickstart/data/', import.meta.url)
    for (const [name, text] of dataFiles()) expect(await readFile(new URL(name, folder), 'utf8')).toBe(text)
  })

  it('is made of names and parts of templates that training and held-out rows do not share', () => {
    const shared = (a: readonly string[], b: readonly string[]) => a.filter((item) => b.includes(item))
    expect(shared(NAMES.train, NAMES.heldOut)).toEqual([])
    for (const part of ['beginnings', 'middles', 'ends'] as const)
      expect(shared(TRAIN_TEMPLATES[part], HELD_OUT_TEMPLATES[part])).toEqual([])
  })
})
