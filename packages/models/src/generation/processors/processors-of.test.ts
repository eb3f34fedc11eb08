import { describe, expect, it } from 'vitest'
import { type Narrowing, narrowed } from '../candidates.js'
import type { ResolvedOptions } from '../options.js'
import values from './processor-values.json' with { type: 'json' }
import { processorsOf } from './processors-of.js'

const { ids, source, ends, promptLength } = values
const plain: ResolvedOptions = {
  maxNewTokens: 3,
  doSample: false,
  temperature: 1,
  topK: 50,
  topP: 1,
  numBeams: 1,
  lengthPenalty: 1,
  earlyStopping: false,
  numReturnSequences: 1,
  seed: 0,
}
const withInfinity = (row: readonly (number | null)[]) => row.map((score) => score ?? Number.NEGATIVE_INFINITY)

function optionOf(text: string): object {
  const space = text.indexOf(' ')
  return { [text.slice(0, space)]: JSON.parse(text.slice(space + 1)) }
}

function processed(options: object, read: readonly number[], length = promptLength): number[] {
  const logits = Float32Array.from(values.logits)
  for (const process of processorsOf({ ...plain, ...options }, { promptLength: length, source, ends }))
    process(logits, read)
  return [...logits]
}

describe('processorsOf', () => {
  it.each(Object.entries(values.processed))('gives what transformers gives: %s', (option, want) => {
    const got = processed(optionOf(option), ids)
    for (const [i, score] of withInfinity(want).entries())
      if (Number.isFinite(score)) expect(got[i]).toBeCloseTo(score, 5)
      else expect(got[i]).toBe(score)
  })

  it('forces and suppresses first tokens where transformers does', () => {
    const impossible = (logits: readonly number[]) =>
      logits.flatMap((logit, token) => (logit === Number.NEGATIVE_INFINITY ? [token] : []))
    expect(impossible(processed({ forcedBosTokenId: 4 }, [0], 1))).toEqual([0, 1, 2, 3, 5, 6, 7])
    expect(impossible(processed({ forcedBosTokenId: 4 }, [0, 4], 1))).toEqual([])
    expect(impossible(processed({ beginSuppressTokens: [3] }, [0], 1))).toEqual([3])
    expect(impossible(processed({ beginSuppressTokens: [3], forcedBosTokenId: 4 }, [0, 4], 1))).toEqual([3])
    expect(impossible(processed({ beginSuppressTokens: [3] }, ids, 3))).toEqual([])
    expect(impossible(processed({ beginSuppressTokens: [3] }, ids, 5))).toEqual([3])
  })

  it('asks for none where the options leave the logits as they are', () => {
    const idle = { repetitionPenalty: 1, noRepeatNgramSize: 0, minLength: 0, minNewTokens: 0 }
    expect(processorsOf({ ...plain, ...idle }, { promptLength, source, ends })).toEqual([])
  })
})

it.each(Object.entries(values.warped))('leaves the candidates that transformers leaves: %s', (option, want) => {
  const weights = narrowed(Float64Array.from(values.logits, Math.exp), optionOf(option) as Narrowing)
  expect([...weights].map((weight) => weight > 0)).toEqual(want.map((score) => score !== null))
})
