import { reference } from '@espalier/core'
import { expect, it } from 'vitest'
import { AutoModelForCausalLM } from '../auto/auto-model.js'
import { tinyModelFiles } from '../tiny-model.fake.js'
import type { GenerateOptions } from './generation-options.js'
import { checkGenerateOptions } from './known-generation-options.js'

const check = (options: object) => checkGenerateOptions(options as GenerateOptions)

it('refuses options of transformers that do not exist here, with what to do', () => {
  for (const [options, fix] of [
    [{ numBeamGroups: 4 }, 'by beams'],
    [{ num_beam_groups: 4 }, 'by beams'],
    [{ penaltyAlpha: 0.6 }, 'by beams'],
    [{ maxLength: 20 }, 'maxNewTokens'],
    [{ streamer: {} }, 'generateStream'],
  ] as const)
    expect(() => check(options)).toThrow(
      expect.objectContaining({ code: 'config.unsupported', details: options, fix: expect.stringContaining(fix) }),
    )
})

it('refuses names that nobody has, with the nearest, and values of another kind', () => {
  expect(() => check({ max_new_tokens: 4 })).toThrow('Did you mean maxNewTokens?')
  expect(() => check({ tempurature: 1 })).toThrow('Did you mean temperature?')
  for (const options of [
    { maxNewTokens: '8' },
    { temperature: '0.7' },
    { doSample: 'true' },
    { stop: 'end' },
    { prompt: 1 },
    { signal: {} },
    { signal: { aborted: false } },
    { seed: -1 },
    { seed: 2 ** 40 },
    { seed: 0.5 },
    { seed: Number.NaN },
  ])
    expect(() => check(options)).toThrow(expect.objectContaining({ code: 'config.value', details: options }))
  check({ prompt: 'a', seed: 2 ** 32 - 1 })
  check({ prompt: 'a', maxNewTokens: 4, seed: undefined, stop: ['x'], signal: new AbortController().signal })
})

it('draws a seed for every sample that is given none', async () => {
  await using model = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend: reference() })
  const wrong = { prompt: 'once', numBeamGroups: 2 } as GenerateOptions
  await expect(model.generate(wrong)).rejects.toMatchObject({ code: 'config.unsupported' })
  await expect(model.generateStream(wrong).next()).rejects.toMatchObject({ code: 'config.unsupported' })

  const sample = (options: GenerateOptions) =>
    model.generate({ prompt: 'once upon', maxNewTokens: 12, doSample: true, temperature: 2, ...options })
  const [first, second] = [await sample({}), await sample({})]
  expect(first.tokenIds).not.toEqual(second.tokenIds) // 12 draws among 50: equal by chance once in 10^10 runs and more
  expect((await sample({ seed: 7 })).tokenIds).toEqual((await sample({ seed: 7 })).tokenIds)
})
