/** What saving over other folders and files does. */
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { reference } from '@espalier/core'
import { lora } from '@espalier/lora'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { AutoModelForCausalLM } from '../auto/auto-model.js'
import { temporaryFolder } from '../tiny-model.fake.js'
import { getPeftModel } from './peft-model.js'

let folder: { readonly path: string; remove(): void }
beforeAll(async () => {
  folder = await temporaryFolder({ model: true })
})
afterAll(() => folder.remove())

it('writes a merged model over its base only where that is asked for', async () => {
  await using base = await AutoModelForCausalLM.fromPretrained(folder.path, { backend: reference() })
  await using merged = await getPeftModel(base, lora({ r: 2 })).mergeAndUnload()
  const before = readFileSync(join(folder.path, 'model.safetensors'))
  symlinkSync(folder.path, join(folder.path, 'link'))
  for (const target of [folder.path, join(folder.path, 'link')])
    await expect(merged.savePretrained(target)).rejects.toMatchObject({
      code: 'config.value',
      details: { base: folder.path },
      fix: expect.stringContaining('overwrite: true'),
    })
  expect(readFileSync(join(folder.path, 'model.safetensors'))).toEqual(before)
  await merged.savePretrained(join(folder.path, 'beside'))
  await merged.savePretrained(folder.path, { overwrite: true })
})

it('says that a file lies where the folder should be', async () => {
  await using base = await AutoModelForCausalLM.fromPretrained(folder.path, { backend: reference() })
  const file = join(folder.path, 'file')
  writeFileSync(file, '')
  const refused = { code: 'file.write', what: 'a file lies where the folder to write to should be' }
  await expect(base.savePretrained(file)).rejects.toMatchObject(refused)
  await expect(getPeftModel(base, lora({ r: 2 })).savePretrained(file)).rejects.toMatchObject(refused)
  await expect(base.savePretrained(join(file, 'below'))).rejects.toMatchObject(refused)
})
