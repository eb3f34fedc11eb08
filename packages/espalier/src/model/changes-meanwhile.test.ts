/** Models that change while they generate: what was asked for before is answered as it was asked. */
import { type Backend, hostTensor, reference } from '@espalier/core'
import { lora } from '@espalier/lora'
import { describe, expect, it } from 'vitest'
import { AutoModelForCausalLM } from '../auto/auto-model.js'
import { tinyModelFiles } from '../tiny-model.fake.js'
import { getPeftModel, PeftModel } from './peft-model.js'
import type { PretrainedModel } from './pretrained-model.js'
import { getPeftModelStateDict, setPeftModelStateDict } from './state-dict.js'

const PROMPT = { prompt: 'once upon', maxNewTokens: 6 }
const TARGETS = ['q_proj', 'down_proj']

const loadBase = async (backend: Backend = reference()) =>
  AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend })

async function randomize(model: PeftModel, adapterName: string, seed: number): Promise<void> {
  const dict = await getPeftModelStateDict(model, { adapterName })
  const values = [...dict].map(([key, { shape, data }], i) => {
    const drawn = Float32Array.from(data as Float32Array, (_, j) => Math.sin(seed * 31 + i * 7 + j))
    return [key, hostTensor('f32', shape, drawn)] as const
  })
  setPeftModelStateDict(model, new Map(values), { adapterName })
}

/** Adapters a and b of one structure, c of another. */
async function threeAdapters(base: PretrainedModel): Promise<PeftModel> {
  const model = getPeftModel(base, lora({ r: 2, targetModules: TARGETS }), { adapterName: 'a' })
  model.addAdapter('b', lora({ r: 2, targetModules: TARGETS }))
  model.addAdapter('c', lora({ r: 2, targetModules: ['v_proj'] }))
  for (const [i, name] of ['a', 'b', 'c'].entries()) await randomize(model, name, i + 1)
  return model
}

async function textOf(stream: AsyncIterable<{ readonly text: string }>): Promise<string> {
  let text = ''
  for await (const part of stream) text += part.text
  return text
}

/** A backend, the sets of weights and state that it has now, and a gate that weights wait for. */
function watched(gate: Promise<void> = Promise.resolve()) {
  const inner = reference()
  const live = new Set<object>()
  const signals: (AbortSignal | undefined)[] = []
  const noted = <T extends { release(): void }>(set: T): T => {
    const release = set.release.bind(set)
    live.add(set)
    set.release = () => {
      live.delete(set)
      release()
    }
    return set
  }
  const backend: Backend = {
    ...inner,
    apiVersion: 1,
    async loadWeights(sources, options) {
      signals.push(options?.signal)
      await gate
      options?.signal?.throwIfAborted()
      return noted(await inner.loadWeights(sources, options))
    },
    createState: async (tensors) => noted(await inner.createState(tensors)),
    compile: (program, options) => inner.compile(program, options),
    close: () => inner.close(),
  }
  return { backend, live, signals }
}

describe('generation while the model changes', () => {
  it('answers with the adapters that were active when it was asked, whatever is chosen meanwhile', async () => {
    await using base = await loadBase()
    const model = await threeAdapters(base)
    const expected = (await model.generate(PROMPT)).text
    const changes: (() => unknown)[] = [
      () => model.setAdapter('b'),
      () => model.setAdapter('c'),
      () => model.setAdapter(['a', 'b']),
      () => randomize(model, 'a', 1), // the same values, another set
      () => model.disableAdapter(() => new Promise((resolve) => setTimeout(resolve, 20))),
      () => model.mergeAdapter().then(() => model.unmergeAdapter()),
    ]
    for (const change of changes) {
      model.setAdapter('a')
      const [whole, stream] = [model.generate(PROMPT), model.generateStream(PROMPT)]
      const changed = change()
      expect((await whole).text).toBe(expected)
      expect(await textOf(stream)).toBe(expected)
      await changed
    }
  })

  it('goes on with the values it began with when they are set between two parts', async () => {
    const { backend, live } = watched()
    await using base = await loadBase(backend)
    const model = await threeAdapters(base)
    const long = { ...PROMPT, maxNewTokens: 12 }
    const expected = (await model.generate(long)).text
    let text = ''
    for await (const part of model.generateStream(long)) {
      text += part.text
      await randomize(model, 'a', 7)
    }
    expect(text).toBe(expected)
    expect((await model.generate(long)).text).not.toBe(expected)
    expect(live.size).toBe(2) // the base's weights and the present values
  })

  it('goes on when its weights are unmerged or replaced, and gives them back at the end', async () => {
    const { backend, live } = watched()
    await using base = await loadBase(backend)
    const model = await threeAdapters(base)
    await model.mergeAdapter()
    const expected = (await model.generate(PROMPT)).text
    let text = ''
    for await (const part of model.generateStream(PROMPT)) {
      text += part.text
      if (model.adapted.mergedAdapters.length > 0) model.unmergeAdapter()
    }
    expect(text).toBe(expected)
    const plain = (await base.generate(PROMPT)).text
    text = ''
    const tree = base.model
    for await (const part of base.generateStream(PROMPT)) {
      text += part.text
      base.adopt(() => tree)
    }
    expect(text).toBe(plain)
    await model.close()
    await base.close()
    expect(live.size).toBe(0)
  })

  it('a stream that nobody reads gives back what it held when it is returned', async () => {
    const { backend, live } = watched()
    await using base = await loadBase(backend)
    const model = await threeAdapters(base)
    const stream = model.generateStream(PROMPT)
    await stream.return()
    await model.close()
    await base.close()
    await new Promise((resolve) => setTimeout(resolve))
    expect(live.size).toBe(0)
  })

  it('lets one caller abort while weights are loaded without ending the other, and stops when nobody waits', async () => {
    let open = () => {}
    const { backend, signals } = watched(
      new Promise((resolve) => {
        open = resolve
      }),
    )
    await using base = await loadBase(backend)
    const abort = new AbortController()
    const [first, second] = [
      base.generate({ ...PROMPT, signal: abort.signal }),
      base.generate({ ...PROMPT, maxNewTokens: 2 }),
    ]
    abort.abort(new Error('mine only'))
    await expect(first).rejects.toThrow('mine only')
    expect(signals).toHaveLength(1)
    expect(signals[0]?.aborted).toBe(false)
    open()
    expect((await second).tokenIds).toHaveLength(2)

    const alone = new AbortController()
    const tree = base.model
    base.adopt(() => tree)
    const waiting = base.weights({ signal: alone.signal })
    alone.abort(new Error('nobody left'))
    await expect(waiting).rejects.toThrow('nobody left')
    expect(signals[1]?.aborted).toBe(true)
    expect((await base.generate(PROMPT)).tokenIds).toHaveLength(6)
  })
})

describe('the end of generation', () => {
  it('gives the text that was held back when the model ends with eos, as it does at the length', async () => {
    await using base = await loadBase()
    const { tokenIds } = await base.generate({ ...PROMPT, maxNewTokens: 12 })
    const end = tokenIds.findIndex((id, i) => i > 1 && tokenIds.indexOf(id) === i)
    const eos = tokenIds[end] as number
    const whole = await base.generate({ ...PROMPT, maxNewTokens: end })
    ;(base.loaded.generationConfig as Record<string, unknown>).eos_token_id = eos
    for (const stop of [[], [`${whole.text.slice(-1)}, and no more`]]) {
      const ended = await base.generate({ ...PROMPT, maxNewTokens: 12, stop })
      expect(ended).toEqual({ ...whole, reason: 'eos' })
    }
  })
})

describe('adapted models', () => {
  it('are forgotten by their base when they close', async () => {
    await using base = await loadBase()
    const files = await getPeftModel(base, lora({ r: 2 })).toFiles()
    let registered = 0
    const onClose = base.onClose.bind(base)
    base.onClose = (release) => {
      registered++
      const leave = onClose(release)
      return () => {
        registered--
        leave()
      }
    }
    for (let i = 0; i < 3; i++) {
      const model = await PeftModel.fromPretrained(base, files)
      expect(registered).toBe(1)
      await model.close()
      await model.close()
    }
    expect(registered).toBe(0)
  })

  it('merge what is active when they are asked to unload while disabled', async () => {
    await using base = await loadBase()
    const model = await threeAdapters(base)
    const expected = (await model.generate(PROMPT)).text
    await using merged = await model.disableAdapter(() => model.mergeAndUnload())
    expect((await merged.generate(PROMPT)).text).toBe(expected)
    expect((await model.generate(PROMPT)).text).toBe(expected)
    expect(model.adapted.mergedAdapters).toEqual([])
  })
})
