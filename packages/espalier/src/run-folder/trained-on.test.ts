import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { reference } from '@espalier/core'
import { lora } from '@espalier/lora'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AutoModelForCausalLM } from '../auto/auto-model.js'
import { getPeftModel } from '../model/peft-model.js'
import { temporaryFolder, tinyRows } from '../tiny-model.fake.js'
import { SFTTrainer } from '../training/sft-trainer.js'
import { differencesFromTraining } from './trained-on.js'

describe('differencesFromTraining', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let run: string
  const load = () => AutoModelForCausalLM.fromPretrained(folder.path, { backend: reference() })

  beforeAll(async () => {
    folder = await temporaryFolder({ model: true })
    run = join(folder.path, 'run')
    await using base = await load()
    const args = { outputDir: run, maxSteps: 1, saveStrategy: 'steps', saveSteps: 1 } as const
    await new SFTTrainer({ model: getPeftModel(base, lora({ r: 2 })), trainDataset: tinyRows, args }).train()
  })
  afterAll(() => folder.remove())

  const edit = (name: string, change: (value: Record<string, unknown>) => object) => {
    const path = join(folder.path, name)
    writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, 'utf8')))))
  }

  it('is nothing for what the adapter was trained with, and beside what has no run.json', async () => {
    await using model = await load()
    expect(Object.keys(JSON.parse(readFileSync(join(run, 'run.json'), 'utf8')).tokenizer.sha256)).toContain(
      'tokenizer.json',
    )
    expect(await differencesFromTraining(run, model)).toEqual([])
    expect(await differencesFromTraining(join(run, 'checkpoint-1'), model)).toEqual([])
    expect(await differencesFromTraining(folder.path, model)).toEqual([])
    expect(await differencesFromTraining('owner/name', model)).toEqual([])
  })

  it('names the files of a base and of a tokenizer, and the chat template, that are others', async () => {
    edit('config.json', (config) => ({ ...config, rms_norm_eps: 0.1 }))
    edit('tokenizer_config.json', (config) => ({ ...config, pad_token: '<other>' }))
    writeFileSync(join(folder.path, 'chat_template.jinja'), '{{ messages }}')
    await using model = await load()
    for (const adapter of [run, join(run, 'checkpoint-1')])
      expect(await differencesFromTraining(adapter, model)).toEqual([
        expect.stringMatching(/^the model .* has other hashes of config.json$/),
        expect.stringMatching(/^the tokenizer .* of tokenizer_config.json, chat_template.jinja, chat template$/),
      ])
  })

  it('is nothing beside a run.json that says nothing', async () => {
    await using model = await load()
    const place = join(folder.path, 'broken')
    mkdirSync(place)
    for (const text of ['{', '3', '{}', '{"base":3,"tokenizer":{"sha256":[]}}']) {
      writeFileSync(join(place, 'run.json'), text)
      expect(await differencesFromTraining(place, model)).toEqual([])
    }
  })
})
