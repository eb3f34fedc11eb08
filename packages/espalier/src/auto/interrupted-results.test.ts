/** Readers of folders in which a result was interrupted while it took the place of another one. */
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { openSource } from '@espalier/serialization'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli } from '../cli/run-cli.fake.js'
import {
  AutoModelForCausalLM,
  AutoPeftModel,
  AutoTokenizer,
  getPeftModel,
  lora,
  PeftConfig,
  PeftModel,
  type PretrainedModel,
} from '../index.js'
import { earlierRun } from '../run-folder/earlier-run.js'
import { RECORD, UNFINISHED } from '../run-folder/run-names.js'
import { temporaryFolder } from '../tiny-model.fake.js'

let work: { readonly path: string; remove(): void }
let model: { readonly path: string; remove(): void }
let base: PretrainedModel
const at = (name: string) => join(work.path, name)
const OLD_RANK = 2
const NEW_RANK = 4

beforeAll(async () => {
  work = await temporaryFolder()
  model = await temporaryFolder({ model: true })
  base = await AutoModelForCausalLM.fromPretrained(model.path)
  for (const [name, r] of [
    ['old', OLD_RANK],
    ['new', NEW_RANK],
  ] as const) {
    // biome-ignore format: pairs
    const adapted = getPeftModel(base, lora({ r, targetModules: ['q_proj'] }))
    await adapted.savePretrained(at(name))
    await adapted.savePretrained(at(`${name}/checkpoint-1`))
    await adapted.close()
    for (const file of ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja'])
      cpSync(join(model.path, file), at(`${name}/${file}`))
    writeFileSync(at(`${name}/chat_template.jinja`), name)
  }
  await base.savePretrained(at('model'))
})
afterAll(async () => {
  await base.close()
  work.remove()
  model.remove()
})

let made = 0
/** A folder as a kill leaves it when so many files of the new result had moved: -1 is before any of the old ones went. */
async function interrupted(moved: number): Promise<string> {
  const folder = at(`interrupted-${made++}`)
  cpSync(at('old'), folder, { recursive: true })
  cpSync(at('new'), join(folder, UNFINISHED), { recursive: true })
  writeFileSync(join(folder, 'vocab.json'), 'old')
  const names = readdirSync(join(folder, UNFINISHED))
  const removes = (await earlierRun(folder)).files.filter((name) => !names.includes(name))
  writeFileSync(join(folder, RECORD), JSON.stringify({ removes }))
  if (moved < 0) return folder
  rmSync(join(folder, 'adapter_config.json'))
  if (moved > 0) for (const name of removes) rmSync(join(folder, name))
  for (const name of names.reverse().slice(0, moved)) {
    rmSync(join(folder, name), { recursive: true, force: true })
    renameSync(join(folder, UNFINISHED, name), join(folder, name))
  }
  return folder
}

function expectSettled(folder: string): void {
  expect(readdirSync(folder)).toEqual(readdirSync(at('new')))
  for (const name of ['adapter_config.json', 'adapter_model.safetensors', 'chat_template.jinja'])
    expect(readFileSync(join(folder, name))).toEqual(readFileSync(at(`new/${name}`)))
}

const rankOf = async (config: Promise<PeftConfig>) => (await config).r
const rankIn = async (loading: Promise<PeftModel>) => {
  const loaded = await loading
  await loaded.close()
  return loaded.peftConfig.default?.r
}

const readers: Readonly<Record<string, (folder: string) => Promise<unknown>>> = {
  'PeftConfig.fromPretrained': (folder) => rankOf(PeftConfig.fromPretrained(folder)),
  'the same at an address': (folder) => rankOf(PeftConfig.fromPretrained(pathToFileURL(folder))),
  'the same in opened files': async (folder) => rankOf(PeftConfig.fromPretrained(await openSource(folder))),
  'the same of a checkpoint': (folder) => rankOf(PeftConfig.fromPretrained(join(folder, 'checkpoint-1'))),
  'the same of a subfolder': (folder) => rankOf(PeftConfig.fromPretrained(folder, { subfolder: 'checkpoint-1' })),
  'PeftModel.fromPretrained': (folder) => rankIn(PeftModel.fromPretrained(base, folder)),
  'AutoPeftModel.fromPretrained': (folder) => rankIn(AutoPeftModel.fromPretrained(folder, { base: model.path })),
  loadAdapter: async (folder) => {
    const adapted = await PeftModel.fromPretrained(base, at('old'))
    await adapted.loadAdapter(folder, { adapterName: 'more' })
    await adapted.close()
    return adapted.peftConfig.more?.r
  },
  'AutoTokenizer.fromPretrained': async (folder) =>
    (await AutoTokenizer.fromPretrained(folder)).toFiles().get('chat_template.jinja') === 'new' && NEW_RANK,
  'the tokenizer of a model': async (folder) => {
    const loaded = await AutoModelForCausalLM.fromPretrained(model.path, { tokenizer: folder })
    const texts = (await loaded.tokenizer()).toFiles()
    await loaded.close()
    return texts.get('chat_template.jinja') === 'new' && NEW_RANK
  },
}

describe('a result that was interrupted while it took its place', { timeout: 60_000 }, () => {
  for (const [name, read] of Object.entries(readers))
    it.each([-1, 0, 2, 5])(`is finished by ${name}, after %i files`, async (moved) => {
      const folder = await interrupted(moved)
      expect(await read(folder)).toBe(NEW_RANK)
      expectSettled(folder)
    })

  it('is finished by AutoModelForCausalLM, where a model replaces an adapter', async () => {
    const folder = at('merged')
    cpSync(at('old'), folder, { recursive: true })
    cpSync(at('model'), join(folder, UNFINISHED), { recursive: true })
    writeFileSync(join(folder, RECORD), JSON.stringify({ removes: ['adapter_config.json'] }))
    const loaded = await AutoModelForCausalLM.fromPretrained(folder)
    await loaded.close()
    expect(readdirSync(folder)).not.toContain('adapter_config.json')
  })

  const commands: readonly (readonly [string, string])[] = [
    ['inspect', 'inspect FOLDER'],
    ['inspect of a file', 'inspect FOLDER/adapter_model.safetensors'],
    ['generate', 'generate --model MODEL --adapter FOLDER --prompt a --raw --max-new-tokens 1'],
    ['eval', 'eval --model MODEL --adapter FOLDER --data ROWS'],
    ['merge', 'merge --model MODEL --adapter FOLDER --output-dir OUT'],
  ]
  it.each(commands)('is finished by %s', async (_, command) => {
    const folder = await interrupted(3)
    writeFileSync(at('rows.jsonl'), '{"text": "some words"}\n')
    const places = { FOLDER: folder, MODEL: model.path, ROWS: at('rows.jsonl'), OUT: at('out') }
    const words = command.split(' ').map((word) => word.replace(/[A-Z]+/, (name) => places[name as 'OUT']))
    const done = await runCli(words)
    expect(done, done.stderr).toMatchObject({ code: 0 })
    expectSettled(folder)
  })

  it('is told where nothing can be moved', async () => {
    const folder = await interrupted(0)
    const files = new Map<string, Blob>()
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name)
      if (entry.isFile()) files.set(path.slice(folder.length + 1), new Blob([readFileSync(path)]))
    }
    for (const reader of [PeftConfig, AutoTokenizer])
      await expect(reader.fromPretrained(files)).rejects.toMatchObject({ code: 'run.unsettled' })
    files.delete(RECORD)
    expect((await AutoTokenizer.fromPretrained(files)).toFiles().get('chat_template.jinja')).toBe('old')
  })

  it('is not what an unfinished run beside an earlier result is', async () => {
    const folder = await interrupted(-1)
    rmSync(join(folder, RECORD))
    const before = readdirSync(folder)
    expect(await rankOf(PeftConfig.fromPretrained(folder))).toBe(OLD_RANK)
    expect(readdirSync(folder)).toEqual(before)
  })
})

describe('a checkpoint of a run without a result', () => {
  it('is named where an earlier result stays in the folder', async () => {
    const folder = at('overwritten')
    cpSync(at('old'), folder, { recursive: true })
    mkdirSync(join(folder, UNFINISHED))
    cpSync(at('new/checkpoint-1'), join(folder, UNFINISHED, 'checkpoint-7'), { recursive: true })
    const error = { code: 'file.missing', details: { unfinished: join(folder, UNFINISHED, 'checkpoint-7') } }
    await expect(PeftConfig.fromPretrained(join(folder, 'checkpoint-7'))).rejects.toMatchObject(error)
    const inside = PeftModel.fromPretrained(base, folder, { subfolder: 'checkpoint-7' })
    await expect(inside).rejects.toMatchObject(error)
    expect(await rankOf(PeftConfig.fromPretrained(join(folder, UNFINISHED, 'checkpoint-7')))).toBe(NEW_RANK)
    expect(await rankOf(PeftConfig.fromPretrained(join(folder, 'checkpoint-1')))).toBe(OLD_RANK)
  })
})
