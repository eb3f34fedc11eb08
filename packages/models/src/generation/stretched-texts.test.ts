/** Texts that grow beyond the positions that their model was trained for. */
import { type CausalLM, reference, weightRequests } from '@espalier/core'
import { expect, it } from 'vitest'
import { TINY_PHI3 } from '../fixtures/tiny-configs.js'
import { forwardOf, idsOf, tinyModel } from '../fixtures/tiny-model.js'
import { phi3 } from '../phi3.js'
import { generateRows } from './generate-tokens.js'

const config = {
  ...TINY_PHI3,
  sliding_window: null,
  max_position_embeddings: 24,
  original_max_position_embeddings: 9,
  rope_scaling: { type: 'longrope', short_factor: [1], long_factor: [6] },
}
const model = tinyModel(phi3, config, 'CAUSAL_LM') as CausalLM
const prompts = [
  [5, 3, 9, 1, 7, 2],
  [2, 7, 12],
]

async function source() {
  const backend = reference()
  return { model, backend, weights: await backend.loadWeights(weightRequests(model)) }
}

/** Log-probabilities of the token behind a whole text. */
async function after(text: readonly number[]): Promise<number[]> {
  const { y } = await forwardOf(model, { input_ids: idsOf([text]) })
  const logits = Array.from(y?.data.slice(-model.sizes.vocabularySize) ?? [], Number)
  const whole = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0))
  return logits.map((logit) => logit - whole)
}

it('are read again from their beginning, and go on to the last position', async () => {
  for (const prompt of prompts) {
    const [row] = await generateRows(await source(), [prompt], { maxNewTokens: 30 })
    expect(row?.tokens).toHaveLength(24 - prompt.length)
    const text = [...prompt]
    for (const token of row?.tokens ?? []) {
      const scores = await after(text)
      expect(token).toBe(scores.indexOf(Math.max(...scores)))
      text.push(token)
    }
  }
})

it('are read again with what each beam and each row of a batch has written', async () => {
  const [prompt] = prompts as [number[]]
  const beams = await generateRows(await source(), prompts, { maxNewTokens: 8, numBeams: 3, numReturnSequences: 3 })
  for (const { tokens, score } of beams.slice(0, 3)) {
    let sum = 0
    for (const [i, token] of tokens.entries()) sum += (await after([...prompt, ...tokens.slice(0, i)]))[token] as number
    expect(score).toBeCloseTo(sum / tokens.length, 4)
  }
  const [long] = await generateRows(await source(), [prompt], { maxNewTokens: 8 })
  const [together] = await generateRows(await source(), prompts, { maxNewTokens: 8 })
  expect(together).toEqual(long)
})
