import { type Backend, type CausalLM, reference, weightRequests } from '@espalier/core'
import { expect, it } from 'vitest'
import { TINY_LLAMA } from '../fixtures/tiny-configs.js'
import { forwardOf, idsOf, tinyModel } from '../fixtures/tiny-model.js'
import { llama } from '../llama.js'
import { generateRows, generateTokens } from './generate-tokens.js'

const model = tinyModel(llama, TINY_LLAMA, 'CAUSAL_LM') as CausalLM

async function sourceOf(backend: Backend = reference()) {
  return { model, backend, weights: await backend.loadWeights(weightRequests(model)) }
}

/** The log-probability of tokens behind a prompt, by running the whole sequence. */
async function logProbability(prompt: readonly number[], tokens: readonly number[]): Promise<number> {
  const { y } = await forwardOf(model, { input_ids: idsOf([[...prompt, ...tokens]]) })
  const width = model.sizes.vocabularySize
  return tokens.reduce((sum, token, i) => {
    const start = (prompt.length + i - 1) * width
    const logits = Array.from(y?.data.slice(start, start + width) ?? [], Number)
    return sum + (logits[token] as number) - Math.log(logits.reduce((all, logit) => all + Math.exp(logit), 0))
  }, 0)
}

it('finds the likeliest sequences of every prompt of an uneven batch, without reading a prefix again', async () => {
  const prompts = [
    [5, 3, 9, 1],
    [2, 7],
  ]
  const width = model.sizes.vocabularySize
  const rows = await generateRows(await sourceOf(), prompts, {
    maxNewTokens: 2,
    numBeams: width, // all first tokens are kept, so that the search sees every pair
    numReturnSequences: 2,
  })
  for (const [i, prompt] of prompts.entries()) {
    const pairs = Array.from({ length: width ** 2 }, (_, pair) => [Math.floor(pair / width), pair % width])
    const scores = await Promise.all(pairs.map((pair) => logProbability(prompt, pair)))
    const best = Math.max(...scores)
    const [first, second] = rows.slice(2 * i, 2 * i + 2)
    expect(first?.tokens).toEqual(pairs[scores.indexOf(best)])
    expect(first?.score).toBeCloseTo(best / 2, 4)
    expect(second?.score).toBeCloseTo(([...scores].sort((a, b) => b - a)[1] as number) / 2, 4)
  }
})

it('gives samples of each prompt in their order', async () => {
  const options = { maxNewTokens: 4, doSample: true, temperature: 2, seed: 3 }
  const rows = await generateRows(await sourceOf(), [[5, 3], [2]], { ...options, numReturnSequences: 2 })
  expect(rows).toEqual(await generateRows(await sourceOf(), [[5, 3], [5, 3], [2], [2]], options))
})

it('gives the tokens of beams when the search ended, and refuses values that are none', async () => {
  const source = await sourceOf()
  const options = { maxNewTokens: 3, numBeams: 3 }
  const [row] = await generateRows(source, [[5, 3]], options)
  const streamed: number[] = []
  for await (const { token } of generateTokens(source, [[5, 3]], options)) streamed.push(token)
  expect(streamed).toEqual(row?.tokens)
  const wrongs = [{ numBeams: 0 }, { numReturnSequences: 4 }, { earlyStopping: 'always' as 'never' }]
  for (const wrong of [...wrongs, { numReturnSequences: 4, doSample: true }])
    await expect(generateRows(source, [[5]], { ...options, ...wrong })).rejects.toMatchObject({ code: 'config.value' })
})

it('draws beams, which are the best ones where the temperature leaves no choice', async () => {
  const source = await sourceOf()
  const prompts = [[5, 3, 9, 1], [2]]
  const options = { maxNewTokens: 5, numBeams: 3, numReturnSequences: 3 }
  const best = await generateRows(source, prompts, options)
  const drawn = (settings: object) =>
    generateRows(source, prompts, { ...options, doSample: true, topK: 0, ...settings })
  const sure = await drawn({ temperature: 1e-4, seed: 1 })
  expect(sure.map(({ tokens }) => tokens)).toEqual(best.map(({ tokens }) => tokens))
  expect(sure.map(({ score }) => score)).toEqual(best.map(({ score }) => expect.closeTo(1e4 * (score as number), -1)))

  const tokensOf = (rows: typeof best) => JSON.stringify(rows.map(({ tokens }) => tokens))
  const [first, again, other] = [await drawn({ seed: 1 }), await drawn({ seed: 1 }), await drawn({ seed: 2 })]
  expect(tokensOf(again)).toBe(tokensOf(first))
  expect(tokensOf(other)).not.toBe(tokensOf(first))
  for (const row of first.slice(0, 3)) {
    const sum = await logProbability(prompts[0] as number[], row.tokens)
    expect(row.score).toBeCloseTo(sum / row.tokens.length, 4)
  }
})
