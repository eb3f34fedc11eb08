import { join } from 'node:path'
import { type Backend, defineTuner, hostTensor, matmul, programKey, reference, type Tensor } from '@espalier/core'
import { lora } from '@espalier/lora'
import { directoryHandle } from '@espalier/serialization/files/directory-handle.fake.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AutoModelForCausalLM, AutoModelForSequenceClassification } from '../auto/auto-model.js'
import {
  AutoPeftModel,
  AutoPeftModelForCausalLM,
  AutoPeftModelForSequenceClassification,
} from '../auto/auto-peft-model.js'
import { AutoTokenizer } from '../auto/auto-tokenizer.js'
import { PeftConfig } from '../auto/peft-config.js'
import { temporaryFolder, tinyModelFiles } from '../tiny-model.fake.js'
import type { LoadProgress } from './load-progress.js'
import { getPeftModel, PeftModel } from './peft-model.js'
import type { PretrainedModel } from './pretrained-model.js'
import { getPeftModelStateDict, setPeftModelStateDict } from './state-dict.js'
import { getModelStatus } from './status.js'

const PROMPT = { prompt: 'once upon', maxNewTokens: 8 }
let folder: Awaited<ReturnType<typeof temporaryFolder>>

beforeAll(async () => {
  folder = await temporaryFolder({ model: true })
})
afterAll(() => folder.remove())

const loadBase = (backend: Backend = reference()) => AutoModelForCausalLM.fromPretrained(folder.path, { backend })

/** A LoRA that changes what the model says. */
async function changed(base: PretrainedModel, seed = 1): Promise<PeftModel> {
  const model = getPeftModel(base, lora({ r: 2, targetModules: ['q_proj', 'down_proj'] }), { seed })
  await randomize(model, 'default', seed)
  return model
}

async function randomize(model: PeftModel, adapterName: string, seed: number): Promise<void> {
  const dict = await getPeftModelStateDict(model, { adapterName })
  const values = [...dict].map(([key, { shape, data }], i) => {
    const drawn = Float32Array.from(data as Float32Array, (_, j) => Math.sin(seed * 31 + i * 7 + j))
    return [key, hostTensor('f32', shape, drawn)] as const
  })
  setPeftModelStateDict(model, new Map(values), { adapterName })
}

describe('AutoModelForCausalLM and generate', () => {
  it('loads from a folder, blobs and opened handles alike', async () => {
    await using base = await loadBase()
    await using blobs = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend: reference() })
    const texts = await Promise.all([base, blobs].map(async (model) => (await model.generate(PROMPT)).text))
    expect(texts[0]).toBe(texts[1])
    expect(texts[0]?.length).toBeGreaterThan(0)
  })

  it('says how to load an adapter’s folder', async () => {
    await using base = await loadBase()
    const adapter = await getPeftModel(base, lora()).toFiles()
    await expect(AutoModelForCausalLM.fromPretrained(adapter)).rejects.toMatchObject({
      code: 'file.missing',
      fix: expect.stringContaining('AutoPeftModelForCausalLM'),
    })
    await expect(AutoModelForSequenceClassification.fromPretrained(adapter)).rejects.toThrow(
      'AutoPeftModelForSequenceClassification',
    )
  })

  it('puts messages through the chat template', async () => {
    await using base = await loadBase()
    const messages = [{ role: 'user', content: 'hello' }]
    const tokenizer = await AutoTokenizer.fromPretrained(folder.path)
    const prompt = tokenizer.applyChatTemplate(messages, { addGenerationPrompt: true, tokenize: false }) as string
    const [chat, plain] = [
      await base.generate({ messages, maxNewTokens: 6 }),
      await base.generate({ prompt, maxNewTokens: 6 }),
    ]
    expect(chat.tokenIds).toEqual(plain.tokenIds)
    expect(chat.promptTokens).toBe(plain.promptTokens)
    await expect(base.generate({ messages, prompt })).rejects.toMatchObject({ code: 'config.value' })
    await expect(base.generate({})).rejects.toMatchObject({ code: 'config.value' })
  })

  it('streams the text that generate gives', async () => {
    await using base = await loadBase()
    let streamed = ''
    for await (const { text } of base.generateStream({ ...PROMPT, doSample: true, seed: 1 })) streamed += text
    expect(streamed).toBe((await base.generate({ ...PROMPT, doSample: true, seed: 1 })).text)
  })

  it('tells of weights on their way, by phase', async () => {
    const { onnx } = await import('@espalier/backend-onnx')
    const seen: LoadProgress[] = []
    await using base = await AutoModelForCausalLM.fromPretrained(folder.path, {
      backend: onnx({ threads: 1 }),
      onProgress: (progress) => void seen.push(progress),
    })
    await base.generate(PROMPT)
    for (const { phase, loadedBytes, totalBytes } of seen) {
      expect(phase).toBe('weights')
      expect(loadedBytes).toBeLessThanOrEqual(totalBytes)
    }
  })

  it('honours signals in loading, weights and generation', async () => {
    const signal = AbortSignal.abort('enough')
    await expect(AutoModelForCausalLM.fromPretrained(folder.path, { backend: reference(), signal })).rejects.toBe(
      'enough',
    )
    await expect(AutoTokenizer.fromPretrained(folder.path, { signal })).rejects.toBe('enough')
    await using base = await loadBase()
    await expect(base.generate({ ...PROMPT, signal })).rejects.toBe('enough')
    const abort = new AbortController()
    const read = async () => {
      for await (const _ of base.generateStream({ ...PROMPT, maxNewTokens: 60, signal: abort.signal }))
        abort.abort('later')
    }
    await expect(read()).rejects.toBe('later')
    expect((await base.generate(PROMPT)).text.length).toBeGreaterThan(0) // and the model is still usable
  })

  it('moves to another backend while the first handle stays usable', async () => {
    const base = await loadBase()
    const [before, moved] = [await base.generate(PROMPT), await base.to(reference({ precision: 'f64' }))]
    expect((await moved.generate(PROMPT)).text).toBe(before.text)
    await base.close()
    expect((await moved.generate({ ...PROMPT, prompt: 'another' })).tokenIds).toHaveLength(8) // files stay open for it
    await moved.close()
    await expect(moved.generate(PROMPT)).rejects.toMatchObject({ code: 'backend.closed' })
  })
})

describe('PeftModel', () => {
  it('saves, loads and generates the same, from a folder, blobs and the base that its configuration names', async () => {
    await using base = await loadBase()
    const model = await changed(base)
    const text = (await model.generate(PROMPT)).text
    expect(text).not.toBe((await base.generate(PROMPT)).text)
    const path = join(folder.path, 'adapter')
    await model.savePretrained(path)
    const files = await model.toFiles()
    expect([...files.keys()].sort()).toEqual(['README.md', 'adapter_config.json', 'adapter_model.safetensors'])
    for (const source of [path, files]) {
      const served = await PeftModel.fromPretrained(base, source)
      expect((await served.generate(PROMPT)).text).toBe(text)
      expect(served.warnings).toEqual([])
    }
    for (const auto of [AutoPeftModelForCausalLM, AutoPeftModel]) {
      await using loaded = await auto.fromPretrained(path, { backend: reference() })
      expect((await loaded.generate(PROMPT)).text).toBe(text)
    }
  })

  it('saves to a directory handle and loads from it', async () => {
    await using base = await loadBase()
    const model = await changed(base)
    const handle = directoryHandle(new Map())
    await model.savePretrained(handle)
    const served = await PeftModel.fromPretrained(base, handle)
    expect((await served.generate(PROMPT)).text).toBe((await model.generate(PROMPT)).text)
    await using blind = await AutoModelForCausalLM.fromPretrained(directoryHandle(await tinyModelFiles()), {
      backend: reference(),
    })
    expect((await blind.generate(PROMPT)).text).toBe((await base.generate(PROMPT)).text)
  })

  it('a head saved in full on a tied model is merged into a model that is not tied, also in its folder', async () => {
    await using base = await loadBase()
    const model = getPeftModel(base, lora({ r: 2, targetModules: ['q_proj'], modulesToSave: ['lm_head'] }))
    await randomize(model, 'default', 3)
    const text = (await model.generate(PROMPT)).text
    await using merged = await model.mergeAndUnload()
    expect((await merged.generate(PROMPT)).text).toBe(text)
    const files = await merged.toFiles()
    expect(JSON.parse(await (files.get('config.json') as Blob).text())).toMatchObject({ tie_word_embeddings: false })
    await using again = await AutoModelForCausalLM.fromPretrained(files, { backend: reference() })
    expect((await again.generate(PROMPT)).text).toBe(text)
    const adapter = await PeftModel.fromPretrained(base, await model.toFiles())
    expect([adapter.warnings, (await adapter.generate(PROMPT)).text]).toEqual([[], text])
  })

  it('merges a model that has no tokenizer', async () => {
    const files = await tinyModelFiles()
    for (const name of ['tokenizer.json', 'tokenizer_config.json']) files.delete(name)
    await using base = await AutoModelForCausalLM.fromPretrained(files, { backend: reference() })
    await using merged = await getPeftModel(base, lora({ targetModules: ['q_proj'] })).mergeAndUnload()
    await expect(merged.generate(PROMPT)).rejects.toMatchObject({ name: 'EspalierError' })
    expect([...(await merged.toFiles()).keys()].sort()).toEqual(['config.json', 'model.safetensors'])
  })

  it('reads a configuration alone', async () => {
    await using base = await loadBase()
    const files = await (await changed(base)).toFiles()
    const config = await PeftConfig.fromPretrained(files)
    expect(config).toMatchObject({
      peftType: 'LORA',
      taskType: 'CAUSAL_LM',
      r: 2,
      baseModelNameOrPath: folder.path,
      revision: null,
    })
    const text = await files.get('adapter_config.json')!.text()
    const nameless = new Map(files).set(
      'adapter_config.json',
      new Blob([text.replace(JSON.stringify(folder.path), 'null')]),
    )
    await expect(AutoPeftModelForCausalLM.fromPretrained(nameless)).rejects.toMatchObject({ code: 'adapter.config' })
  })

  it('loads the head of a classifier with its adapter', async () => {
    const source = await tinyModelFiles('SEQ_CLS')
    const options = { backend: reference(), labels: 2 }
    await using base = await AutoModelForSequenceClassification.fromPretrained(source, options)
    const another = lora({ r: 2, targetModules: ['q_proj'], taskType: 'CAUSAL_LM' })
    expect(() => getPeftModel(base, another)).toThrow(expect.objectContaining({ code: 'config.value' }))
    const model = getPeftModel(base, lora({ r: 2, targetModules: ['q_proj'] }))
    expect(model.peftConfig.default).toMatchObject({
      modulesToSave: ['classifier', 'score'],
      peftType: 'LORA',
      taskType: 'SEQ_CLS',
    })
    const again = await AutoPeftModelForSequenceClassification.fromPretrained(await model.toFiles(), {
      ...options,
      backend: reference(),
      base: source,
    })
    expect(again.model.task).toBe('SEQ_CLS')
    await again.close()
  })

  it('switches between adapters of one structure without compiling', async () => {
    const inner = reference()
    const programs = new Set<string>()
    const sets = new Map<unknown, number>()
    const backend: Backend = {
      ...inner,
      apiVersion: 1,
      loadWeights: (sources, options) => inner.loadWeights(sources, options),
      createState: (tensors) => inner.createState(tensors),
      close: () => inner.close(),
      compile(program, options) {
        // What a backend keeps compiled programs by: the graph and the weights it is bound to.
        if (!sets.has(options?.weights)) sets.set(options?.weights, sets.size)
        programs.add(`${sets.get(options?.weights)} ${programKey(program)}`)
        return inner.compile(program, options)
      },
    }
    await using base = await loadBase(backend)
    const model = await changed(base)
    model.addAdapter('b', lora({ r: 2, targetModules: ['q_proj', 'down_proj'] }), { seed: 5 })
    await randomize(model, 'b', 9)
    const first = (await model.generate(PROMPT)).text
    const count = programs.size
    expect(count).toBeGreaterThan(0)
    model.setAdapter('b')
    expect((await model.generate(PROMPT)).text).not.toBe(first)
    model.setAdapter('default')
    expect((await model.generate(PROMPT)).text).toBe(first)
    expect(programs.size).toBe(count)
  })

  it('disables adapters for as long as any work wants it', async () => {
    await using base = await loadBase()
    const [model, plain] = [await changed(base), (await base.generate(PROMPT)).text]
    const text = (await model.generate(PROMPT)).text
    const generated = async () => (await model.generate(PROMPT)).text
    expect(await model.disableAdapter(generated)).toBe(plain)
    expect(await model.disableAdapter(async () => [await model.disableAdapter(generated), await generated()])).toEqual([
      plain,
      plain,
    ])
    // Overlapping, not nested: the first to end does not switch adapters on under the other.
    let release = () => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    const long = model.disableAdapter(async () => {
      await gate
      return generated()
    })
    await model.disableAdapter(() => {})
    release()
    expect(await long).toBe(plain)
    await expect(model.disableAdapter(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(await generated()).toBe(text)
  })

  it('merges to a plain model with the same text, and back exactly', async () => {
    await using base = await loadBase()
    const model = await changed(base)
    const text = (await model.generate(PROMPT)).text
    await using merged = await model.mergeAndUnload()
    expect((await merged.generate(PROMPT)).text).toBe(text)
    expect((await model.generate(PROMPT)).text).toBe(text)
    const path = join(folder.path, 'merged')
    await merged.savePretrained(path)
    await using loaded = await AutoModelForCausalLM.fromPretrained(path, { backend: reference() })
    expect((await loaded.generate(PROMPT)).text).toBe(text)
    await model.mergeAdapter()
    expect((await model.generate(PROMPT)).text).toBe(text)
    expect(getModelStatus(model).mergedAdapters).toEqual(['default'])
    model.unmergeAdapter()
    expect((await model.generate(PROMPT)).text).toBe(text)
    expect(model.unload()).toBe(base)
  })

  it('gives and takes tensors by their names in the file', async () => {
    await using base = await loadBase()
    const model = await changed(base)
    const dict = await getPeftModelStateDict(model)
    const [first] = dict.keys()
    expect(first).toBe('base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight')
    const other = await changed(base, 2)
    const given = new Map(dict).set('base_model.model.nothing.lora_A.weight', hostTensor('f32', [1]))
    given.delete(first!)
    expect(setPeftModelStateDict(other, given)).toEqual({
      missingKeys: [first],
      unexpectedKeys: ['base_model.model.nothing.lora_A.weight'],
    })
    setPeftModelStateDict(other, dict)
    expect((await other.generate(PROMPT)).text).toBe((await model.generate(PROMPT)).text)
    expect(() => setPeftModelStateDict(model, new Map([['x', hostTensor('f32', [1])]]))).toThrowError(
      expect.objectContaining({ code: 'adapter.tensors' }),
    )
    await expect(getPeftModelStateDict(model, { adapterName: 'none' })).rejects.toMatchObject({ code: 'adapter.name' })
  })

  it('takes a method of one’s own, also when it is named in a file', async () => {
    const shift = defineTuner({
      kind: 'shift',
      parse: (raw) => ({
        size: Number(raw.size ?? 1),
        targetModules: (raw.targetModules as string[] | undefined) ?? null,
      }),
      fileKeys: { B: 'shift_B.weight' },
      create: ({ site }) => ({
        B: hostTensor('f32', [site.inSize, site.inSize], new Float32Array(site.inSize ** 2).fill(0.1)),
      }),
      merge: ({ weight, state }: { weight: Tensor; state: { B: Tensor } }) => matmul(weight, state.B),
    })
    await using base = await loadBase()
    const model = getPeftModel(base, shift({ size: 2, targetModules: ['q_proj'] }))
    const files = await model.toFiles()
    await expect(PeftModel.fromPretrained(base, files)).rejects.toMatchObject({ code: 'plugin.unknown' })
    const served = await PeftModel.fromPretrained(base, files, { tuners: [shift] })
    expect((await served.generate(PROMPT)).text).toBe((await model.generate(PROMPT)).text)
    expect(served.peftConfig.default).toMatchObject({ size: 2 })
  })

  it('leaves the base to whoever loaded it, and gives everything back when that closes', async () => {
    const base = await loadBase()
    const [model, other] = [await changed(base), await changed(base, 2)]
    await model.close()
    expect((await other.generate(PROMPT)).tokenIds).toHaveLength(8)
    expect((await base.generate(PROMPT)).tokenIds).toHaveLength(8)
    await base.close()
    await base.close()
    await expect(other.generate(PROMPT)).rejects.toMatchObject({ code: 'backend.closed' })
  })
})
