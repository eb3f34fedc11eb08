import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
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
    ['out', { tokenizer: 'out/checkpoint-3' }],
    ['to out', { tokenizer: 'out/checkpoint-3' }],
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

  const FILES = ['adapter_config.json', 'adapter_model.safetensors', 'config.json', 'model.safetensors', 'README.md', 'run.json', 'log.jsonl', 'report.html', 'trainer_state.json', 'tokenizer.json', 'chat_template.jinja', '.publication.json', '.espalier.lock'] // biome-ignore format: one list
  const FOLDERS = ['checkpoint-12', 'unfinished-run', 'french']
  const inTheWay: readonly (readonly [string, string, (path: string) => void])[] = [
    ...FILES.map((name) => [name, 'a folder', (path: string) => mkdirSync(path)] as const),
    ...FOLDERS.map((name) => [name, 'a file', (path: string) => writeFileSync(path, '')] as const),
    ['run.json', 'a link to nothing', (path) => symlinkSync(at('nowhere'), path)],
    ['report.html', 'a link to nothing', (path) => symlinkSync(path, path)],
    ['log.jsonl', 'a link out of the folder', (path) => symlinkSync(at('rows.jsonl'), path)],
    ['unfinished-run', 'a link out of the folder', (path) => symlinkSync(at('base'), path)],
    ['french', 'a folder of other files than an adapter’s', (path) => write(path, 'rows.jsonl')],
  ]
  it.each(inTheWay)('tells of what lies under the name of a file: %s is %s', async (name, what, make) => {
    const folder = mkdtempSync(at('way-'))
    make(join(folder, name))
    await expect(checkOutputPlace(folder, { adapterNames: ['default', 'french'] })).rejects.toMatchObject({
      ...REFUSED,
      details: { outputDir: folder, inTheWay: [`${join(folder, name)}: ${what}`] },
    })
  })

  it.runIf(process.platform !== 'win32')('tells of pipes before it opens them, and of all at once', async () => {
    const folder = mkdtempSync(at('way-'))
    const names = ['.espalier.lock', '.publication.json', 'README.md', 'log.jsonl']
    for (const name of names) execFileSync('mkfifo', [join(folder, name)])
    const inTheWay = names.map((name) => `${join(folder, name)}: a pipe`)
    await expect(checkOutputPlace(folder, {})).rejects.toMatchObject({ ...REFUSED, details: { inTheWay } })
  })

  it('refuses names of adapters that are those of a run’s own files', async () => {
    const names = { adapterNames: ['french', 'unfinished-run', 'checkpoint-2', 'run.json'] }
    const details = { adapters: names.adapterNames.slice(1) }
    await expect(checkOutputPlace(at('new'), names)).rejects.toMatchObject({ ...REFUSED, details })
  })

  it('takes what an earlier run left, links within its folder, and what has other names', async () => {
    const folder = mkdtempSync(at('way-'))
    for (const name of ['adapter_config.json', 'run.json', 'step-9.safetensors', '.espalier.lock'])
      writeFileSync(join(folder, name), '{}')
    symlinkSync('step-9.safetensors', join(folder, 'adapter_model.safetensors'))
    symlinkSync(at('rows.jsonl'), join(folder, 'rows.jsonl'))
    for (const name of ['checkpoint-3', 'unfinished-run', 'notes.json', 'data']) mkdirSync(join(folder, name))
    write(join(folder, 'french'), 'adapter_config.json')
    await checkOutputPlace(folder, { adapterNames: ['french'] })
  })
})

function write(folder: string, name: string): void {
  mkdirSync(folder)
  writeFileSync(join(folder, name), '')
}
