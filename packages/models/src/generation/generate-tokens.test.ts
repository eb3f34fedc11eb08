import {
  type Backend,
  type CausalLM,
  hostTensor,
  type LanguageModel,
  memorySource,
  type Program,
  reference,
  type Seq2SeqLM,
  type StateSet,
  weightRequests,
} from '@espalier/core'
import { beforeAll, describe, expect, it } from 'vitest'
import { TINY_GPT2, TINY_LLAMA, TINY_T5, TINY_T5_V1_1 } from '../fixtures/tiny-configs.js'
import { forwardOf, idsOf, placedRow, tinyConfig, tinyFamilies, tinyModel } from '../fixtures/tiny-model.js'
import { gpt2 } from '../gpt2.js'
import { llama } from '../llama.js'
import { t5 } from '../t5.js'
import { generateRows, generateTokens } from './generate-tokens.js'
import type { GenerationSource } from './options.js'

/** The likeliest continuation by running the whole sequence again for every token. */
async function withoutCache(model: CausalLM, prompt: readonly number[], count: number): Promise<number[]> {
  const ids = [...prompt]
  for (let i = 0; i < count; i++) {
    const { y } = await forwardOf(model, placedRow(ids))
    const logits = Array.from(y?.data.slice(-model.sizes.vocabularySize) ?? [], Number)
    ids.push(logits.indexOf(Math.max(...logits)))
  }
  return ids.slice(prompt.length)
}

async function sourceOf(model: LanguageModel, backend: Backend = reference()): Promise<GenerationSource> {
  return { model, backend, weights: await backend.loadWeights(weightRequests(model)) }
}

const llamaModel = tinyModel(llama, TINY_LLAMA, 'CAUSAL_LM') as CausalLM
const prompt = [5, 3, 9, 1]

describe('generateTokens', () => {
  let source: GenerationSource
  let expected: number[]
  beforeAll(async () => {
    source = await sourceOf(llamaModel)
    expected = await withoutCache(llamaModel, prompt, 6)
  })

  it('gives the tokens that running the whole sequence again gives', async () => {
    const [row] = await generateRows(source, [prompt], { maxNewTokens: 6 })
    expect(row).toEqual({ tokens: expected, finished: 'length' })
  })

  const writers = tinyFamilies.filter(([{ tasks }]) => tasks.includes('CAUSAL_LM'))
  it.each(writers)('gives every row of an uneven batch its own continuation ($modelType)', async (family, config) => {
    const model = tinyModel(family, tinyConfig(family, config, 'CAUSAL_LM'), 'CAUSAL_LM') as CausalLM
    const prompts = [[7], [2, 7, 7, 12, 4, 8], [5, 3, 9, 1]]
    const rows = await generateRows(await sourceOf(model), prompts, { maxNewTokens: 5 })
    for (const [i, row] of rows.entries())
      expect(row.tokens).toEqual(await withoutCache(model, prompts[i] as number[], 5))
  })

  it('goes on when the cache has to grow', async () => {
    const programs: string[] = []
    const model = tinyModel(llama, { ...TINY_LLAMA, max_position_embeddings: 2000 }, 'CAUSAL_LM') as CausalLM
    const long = Array.from({ length: 380 }, (_, i) => (i * 5 + 1) % 13)
    const [row] = await generateRows(await sourceOf(model, watched(programs)), [long], { maxNewTokens: 140 })
    const tokens = row?.tokens ?? []
    expect(programs).toEqual(['prefill', 'decode', 'decode'])
    expect(tokens.slice(-2)).toEqual(await withoutCache(model, [...long, ...tokens.slice(0, -2)], 2))
  })

  it('ends rows by end tokens and by the callback, and goes on with the others', async () => {
    const eos = expected[2] as number
    const prompts = [prompt, [2, 7, 7, 12, 4, 8]]
    const alone = await withoutCache(llamaModel, prompts[1] as number[], 6)
    const rows = await generateRows({ ...source, eosTokenIds: [eos] }, prompts, { maxNewTokens: 6 })
    expect(rows[0]).toEqual({ tokens: expected.slice(0, expected.indexOf(eos) + 1), finished: 'eos' })
    const end = alone.indexOf(eos)
    expect(rows[1]?.tokens).toEqual(end < 0 ? alone : alone.slice(0, end + 1))
    const stopped = await generateRows(source, prompts, {
      maxNewTokens: 6,
      stop: (row, tokens) => row === 1 && tokens.length === 2,
    })
    expect(stopped.map(({ finished, tokens }) => [finished, tokens.length])).toEqual([
      ['length', 6],
      ['stop', 2],
    ])
  })

  it("stops at the model's last position", async () => {
    const model = tinyModel(gpt2, { ...TINY_GPT2, n_positions: 10 }, 'CAUSAL_LM') as CausalLM
    const rows = await generateRows(await sourceOf(model), [prompt, [1]], { maxNewTokens: 50 })
    expect(rows.map(({ tokens, finished }) => [tokens.length, finished])).toEqual([
      [6, 'length'],
      [9, 'length'],
    ])
  })

  it('samples the same tokens from the same seed, and others from another', async () => {
    const sample = async (seed: number) =>
      (await generateRows(source, [prompt], { maxNewTokens: 12, doSample: true, seed }))[0]?.tokens
    expect(await sample(1)).toEqual(await sample(1))
    expect(await sample(1)).not.toEqual(await sample(2))
  })

  it('penalises repetition also without sampling', async () => {
    const [row] = await generateRows(source, [prompt], { maxNewTokens: 6, repetitionPenalty: 1e6 })
    expect(new Set([...prompt, ...(row?.tokens ?? [])]).size).toBe(10)
  })

  it('gives the cache back when the loop is left, aborted or done', async () => {
    const states: StateSet[] = []
    const released = new Set<StateSet>()
    const backend = reference()
    const create = backend.createState.bind(backend)
    backend.createState = async (tensors) => {
      const state = await create(tensors)
      const release = state.release.bind(state)
      state.release = () => {
        released.add(state)
        release()
      }
      states.push(state)
      return state
    }
    const own = await sourceOf(llamaModel, backend)
    for await (const { token } of generateTokens(own, [prompt], { maxNewTokens: 6 })) if (token >= 0) break
    await generateRows(own, [prompt], { maxNewTokens: 2 })
    const controller = new AbortController()
    const aborted = generateRows(own, [prompt], {
      maxNewTokens: 6,
      signal: controller.signal,
      stop: (_, { length }) => {
        if (length === 2) controller.abort(new Error('enough'))
        return false
      },
    })
    await expect(aborted).rejects.toThrow('enough')
    expect(states).toHaveLength(3)
    expect(released.size).toBe(3)
  })

  it('compiles for itself alone what it runs, and leaves one of each program compiled for the next', async () => {
    const backend = reference()
    const live = new Map<string, number>()
    const compile = backend.compile.bind(backend)
    backend.compile = async (program, options) => {
      const executable = await compile(program, options)
      const count = (change: number) => live.set(program.name, (live.get(program.name) ?? 0) + change)
      count(1)
      const release = executable.release.bind(executable)
      executable.release = () => {
        count(-1)
        release()
      }
      return executable
    }
    const own = await sourceOf(llamaModel, backend)
    for (let i = 0; i < 3; i++) await Promise.all([1, 2].map(() => generateRows(own, [prompt], { maxNewTokens: 3 })))
    expect(Object.fromEntries(live)).toEqual({ prefill: 1, decode: 1 })
  })

  it('takes no memory for tokens that an end comes before, with an encoder and beams too', async () => {
    const model = tinyModel(t5, TINY_T5, 'SEQ_2_SEQ_LM') as Seq2SeqLM
    const own = await sourceOf(model)
    const [free] = await generateRows(own, [prompt], { maxNewTokens: 3 })
    const ended = { ...own, eosTokenIds: [free?.tokens[2] as number] }
    for (const options of [{}, { doSample: true, seed: 3 }, { numBeams: 2, earlyStopping: true as const }]) {
      const [row] = await generateRows(ended, [prompt], { maxNewTokens: 1e9, ...options })
      expect(row?.finished).toBe('eos')
    }
  })

  it('refuses logits that are not finite, sampled or not', async () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const backend = reference()
      const requests = weightRequests(llamaModel)
      const broken = new Map(
        [...requests].map(([name, request]) => {
          if (!name.endsWith('norm.weight')) return [name, request]
          const size = request.source.shape.reduce((a, b) => a * b, 1)
          return [
            name,
            {
              ...request,
              source: memorySource(hostTensor('f32', request.source.shape, new Float32Array(size).fill(value))),
            },
          ]
        }),
      )
      const model = { ...source, backend, weights: await backend.loadWeights(broken as typeof requests) }
      for (const doSample of [false, true])
        await expect(generateRows(model, [prompt], { maxNewTokens: 2, doSample })).rejects.toMatchObject({
          code: 'generation.finite',
        })
    }
  })

  it('refuses options and prompts that make no sense before anything runs', async () => {
    const tries = [
      [[prompt], { maxNewTokens: 0 }],
      [[prompt], { maxNewTokens: 1, temperature: 0 }],
      [[prompt], { maxNewTokens: 1, topP: 1.5 }],
      [[prompt], { maxNewTokens: 1, topK: -1 }],
      [[[]], { maxNewTokens: 1 }],
      [[[99]], { maxNewTokens: 1 }],
      [[], { maxNewTokens: 1 }],
    ] as const
    for (const [prompts, options] of tries) {
      await expect(generateRows(source, prompts, options)).rejects.toMatchObject({ code: 'config.value' })
    }
  })
})

/** A reference backend that notes the programs it compiles. */
function watched(names: string[]): Backend {
  const backend = reference()
  const compile = backend.compile.bind(backend)
  backend.compile = (program: Program, options) => {
    names.push(program.name)
    return compile(program, options)
  }
  return backend
}

describe('generateTokens of encoder-decoder models', () => {
  const model = tinyModel(t5, TINY_T5_V1_1, 'SEQ_2_SEQ_LM') as Seq2SeqLM
  const prompts = [
    [7, 3],
    [2, 7, 7, 12, 4, 8],
    [5, 3, 9, 1],
  ]

  /** The likeliest next tokens of one prompt behind what was written, by the whole decoder over the prompt alone. */
  async function next(
    of: Seq2SeqLM,
    ids: readonly number[],
    written: readonly number[],
    start: number = of.startToken,
  ): Promise<number> {
    const read = [start, ...written]
    const { y } = await forwardOf(of, { input_ids: idsOf([ids]), decoder_input_ids: idsOf([read]) })
    const logits = Array.from(y?.data.slice(-of.sizes.vocabularySize) ?? [], Number)
    return logits.indexOf(Math.max(...logits))
  }

  it('gives every row of an uneven batch what its own prompt gives, and encodes once', async () => {
    const programs: string[] = []
    const source = await sourceOf(model, watched(programs))
    const rows = await generateRows(source, prompts, { maxNewTokens: 5 })
    expect(programs).toEqual(['encode', 'decode'])
    for (const [row, { tokens, finished }] of rows.entries()) {
      expect(finished).toBe('length')
      for (const [i, token] of tokens.entries())
        expect(token).toBe(await next(model, prompts[row] as number[], tokens.slice(0, i)))
    }
  })

  it('begins with the token that it is told to', async () => {
    const source = { ...(await sourceOf(model)), decoderStartTokenId: 6 }
    const [row] = await generateRows(source, [[7, 3]], { maxNewTokens: 4 })
    for (const [i, token] of (row?.tokens ?? []).entries())
      expect(token).toBe(await next(model, [7, 3], row?.tokens.slice(0, i) ?? [], 6))
    const beyond = { ...source, decoderStartTokenId: 13 }
    await expect(generateRows(beyond, [[7, 3]], { maxNewTokens: 4 })).rejects.toMatchObject({ code: 'config.value' })
  })

  it("gives transformers' tokens", async () => {
    const rows = await generateRows(
      await sourceOf(model),
      [
        [5, 3, 9, 1],
        [2, 7, 7, 12, 4, 8],
      ],
      { maxNewTokens: 6 },
    )
    expect(rows.map(({ tokens }) => tokens)).toEqual([
      [3, 11, 11, 11, 11, 11],
      [11, 11, 11, 11, 11, 11],
    ])
  })

  it('keeps the encoder’s output when the cache has to grow', async () => {
    const programs: string[] = []
    const plain = tinyModel(t5, TINY_T5, 'SEQ_2_SEQ_LM') as Seq2SeqLM
    const [row] = await generateRows(await sourceOf(plain, watched(programs)), [prompts[1] as number[]], {
      maxNewTokens: 260,
    })
    const tokens = row?.tokens ?? []
    expect(programs).toEqual(['encode', 'decode', 'decode'])
    expect(tokens.at(-1)).toBe(await next(plain, prompts[1] as number[], tokens.slice(0, -1)))
  })

  it('lets the repetition penalty fall on what was written, not on what was read', async () => {
    const [row] = await generateRows(await sourceOf(model), [prompts[2] as number[]], {
      maxNewTokens: 4,
      repetitionPenalty: 1e6,
    })
    const tokens = row?.tokens ?? []
    expect(tokens[0]).toBe(await next(model, prompts[2] as number[], []))
    expect(prompts[2]).toContain(tokens[0])
    expect(new Set(tokens).size).toBe(4)
  })
})
