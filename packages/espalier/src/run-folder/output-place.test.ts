import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../tiny-model.fake.js'
import { checkOutputPlace } from './output-place.js'

let work: { readonly path: string; remove(): void }
const at = (name: string) => join(work.path, name)
const REFUSED = { code: 'config.value' }

beforeAll(async () => {
  work = await temporaryFolder()
  mkdirSync(at('base'))
  mkdirSync(at('out/checkpoint-3'), { recursive: true })
  mkdirSync(at('out/rows'))
  for (const name of ['file', 'out/log.jsonl', 'out/rows/rows.jsonl', 'rows.jsonl']) writeFileSync(at(name), '')
  symlinkSync(at('nowhere'), at('to nothing'))
  symlinkSync(at('base'), at('to base'))
  symlinkSync(at('out'), at('to out'))
  symlinkSync(at('rows.jsonl'), at('out/linked.jsonl'))
})
afterAll(() => work.remove())

describe('checkOutputPlace', () => {
  it.each(['', 'file', 'file/below', 'to nothing'])('refuses %j, where no folder can be', async (name) => {
    await expect(checkOutputPlace(name === '' ? '' : at(name), {})).rejects.toMatchObject(REFUSED)
  })

  it.each([
    ['base', { base: 'base' }],
    ['to base', { base: 'base' }],
    ['base', { base: 'to base' }],
    ['out', { base: 'out/checkpoint-3' }],
    ['out', { adapter: 'out/checkpoint-3' }],
    ['out', { data: ['out/log.jsonl'] }],
    ['to out', { data: ['out/log.jsonl'] }],
    ['out', { data: ['rows.jsonl', 'out/linked.jsonl'] }],
  ])('refuses %j beside %j, which it would write over', async (name, { data, ...sources }: Record<string, unknown>) => {
    const paths = Object.fromEntries(Object.entries(sources).map(([key, path]) => [key, at(String(path))]))
    const given = { ...paths, data: ((data ?? []) as string[]).map(at) }
    await expect(checkOutputPlace(at(name), given)).rejects.toMatchObject(REFUSED)
  })

  it('refuses the place of an adapter that stays', async () => {
    const sources = { adapter: at('out'), replacesAdapter: false }
    await expect(checkOutputPlace(at('out'), sources)).rejects.toMatchObject(REFUSED)
  })

  it('takes a folder that is not there yet, one beside what is read, and an adapter that is trained further in its place', async () => {
    await checkOutputPlace(at('new'), { base: 'owner/name', data: [at('rows.jsonl')] })
    await checkOutputPlace(at('base/new'), { base: at('base') })
    await checkOutputPlace(at('out'), { adapter: at('out'), data: [at('out/rows/rows.jsonl')] })
  })
})
