/** Lists of prompts, and several texts of each. */
import { fileURLToPath } from 'node:url'
import { reference } from '@espalier/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AutoModelForCausalLM, AutoModelForSeq2SeqLM } from '../auto/auto-model.js'
import { tinyModelFiles } from '../tiny-model.fake.js'
import type { GenerateBatchOptions } from './generation-options.js'
import type { PretrainedModel } from './pretrained-model.js'

const subset = (path: string) => fileURLToPath(new URL(`../../../../tools/fixtures/subset/${path}`, import.meta.url))
const prompts = ['once upon a time there was', 'say', 'a longer beginning than all the others, which goes on and on']
const settings = { maxNewTokens: 8 }

describe('generate with a list', () => {
  let model: PretrainedModel
  beforeAll(async () => {
    model = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend: reference() })
  })
  afterAll(() => model.close())

  it('gives what each prompt gives alone, in order', async () => {
    const alone = []
    for (const prompt of prompts) alone.push(await model.generate({ prompt, ...settings }))
    expect(await model.generate({ prompt: prompts, ...settings })).toEqual(alone)
    expect(new Set(alone.map(({ promptTokens }) => promptTokens)).size).toBe(3)

    const chats = prompts.map((content) => [{ role: 'user', content }])
    const talked = []
    for (const messages of chats) talked.push(await model.generate({ messages, ...settings }))
    expect(await model.generate({ messages: chats, ...settings })).toEqual(talked)

    const tokenizer = await model.tokenizer()
    const inputIds = prompts.map((prompt) => tokenizer.encode(prompt).inputIds)
    expect(await model.generate({ inputIds, ...settings })).toEqual(alone)
    expect(await model.generate({ inputIds: inputIds.slice(0, 1), ...settings })).toEqual(alone.slice(0, 1))
  })

  it('ends each text at its own stop string, also those of beams', async () => {
    const whole = await model.generate({ prompt: prompts, ...settings })
    const stop = whole.map(({ text }) => text.slice(2, 5))
    const cut = await model.generate({ prompt: prompts, stop, ...settings })
    for (const [i, { text, reason, tokenIds }] of cut.entries()) {
      expect(reason).toBe('stop')
      expect(whole[i]?.text.startsWith(text)).toBe(true)
      expect(stop.some((end) => text.includes(end))).toBe(false)
      expect(tokenIds.length).toBeLessThan(whole[i]?.tokenIds.length as number)
    }
    // Short beams score best, so that those that a stop string ended are given.
    const beams = { prompt: prompts, ...settings, numBeams: 3, lengthPenalty: -3 }
    const [likeliest] = await model.generate({ ...beams, numReturnSequences: 1 })
    const end = likeliest?.text.slice(1, 3) as string
    const stopped = await model.generate({ ...beams, stop: [end], numReturnSequences: 3 })
    expect(stopped.map(({ reason }) => reason)).toContain('stop')
    expect(stopped.filter(({ text }) => text.includes(end))).toEqual([])
  })

  it('gives several texts of each prompt: beams best first, samples by the seed', async () => {
    const beams = await model.generate({ prompt: prompts, ...settings, numBeams: 3, numReturnSequences: 2 })
    expect(beams).toHaveLength(6)
    for (const [i, prompt] of prompts.entries()) {
      const [best, next] = beams.slice(2 * i, 2 * i + 2)
      expect(best?.score).toBeGreaterThanOrEqual(next?.score as number)
      const alone = await model.generate({ prompt, ...settings, numBeams: 3 })
      expect({ ...best, score: 0 }).toEqual({ ...alone, score: 0 })
    }
    const sampled = { prompt: 'say', ...settings, doSample: true, temperature: 2, numReturnSequences: 3 }
    const texts = await model.generate({ ...sampled, seed: 3 })
    expect(new Set(texts.map(({ text }) => text)).size).toBe(3)
    expect(await model.generate({ ...sampled, seed: 3 })).toEqual(texts)
    expect(await model.generate({ prompt: 'say', ...settings, numReturnSequences: 1 })).toHaveLength(1)
  })

  it('refuses what is no list of prompts, and a list in a stream', async () => {
    for (const wrong of [
      { prompt: [] },
      { prompt: ['a', 3] },
      { inputIds: [[1], []] },
      { prompt: ['a'], inputIds: [1] },
    ])
      await expect(model.generate(wrong as GenerateBatchOptions)).rejects.toMatchObject({ code: 'config.value' })
    for (const list of [{ prompt: ['a'] }, { prompt: 'a', numReturnSequences: 2 }])
      await expect(model.generateStream(list as object).next()).rejects.toMatchObject({ code: 'config.unsupported' })
  })
})

it('generates lists behind an encoder, whose padding it does not read', async () => {
  await using model = await AutoModelForSeq2SeqLM.fromPretrained(subset('base/t5'), {
    backend: reference(),
    tokenizer: subset('data/tokenizers/bytelevel-bpe'),
  })
  const inputIds = [[5, 17, 42, 8, 99, 23], [7], [3, 1, 4, 1]]
  const alone = []
  for (const ids of inputIds) alone.push(await model.generate({ inputIds: ids, ...settings }))
  expect(await model.generate({ inputIds, ...settings })).toEqual(alone)
})
