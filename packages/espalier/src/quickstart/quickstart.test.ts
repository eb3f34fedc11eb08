import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { namedParameters, reference, sizeOf } from '@espalier/core'
import { afterAll, describe, expect, it } from 'vitest'
import { AutoModelForCausalLM } from '../auto/auto-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import { quickstartAssets, readQuickstartRows } from './assets.js'
import { faultsOf, type QuickstartMeasures } from './conclusion.js'
import { scoreAnswers, scoreConstant } from './score.js'
import { shuffledAnswers } from './shuffled-answers.js'

const assets = quickstartAssets()
const [train, heldOut] = await Promise.all([assets.trainFile, assets.heldOutFile].map(readQuickstartRows))
const recordOf = (completion: string) => /^what: (\w+); how many: (\w+); where: (\w+)$/.exec(completion)?.slice(1)
/** Capitalised words inside a sentence, places left out: the names of persons. */
const namesOf = ({ prompt, completion }: { prompt: string; completion: string }) =>
  (prompt.match(/(?<= )[A-Z]\w+/g) ?? []).filter((word) => !completion.includes(word))

describe('the bundled base model', () => {
  let base: PretrainedModel | undefined
  const load = async () => {
    base ??= await AutoModelForCausalLM.fromPretrained(assets.base, { backend: reference() })
    return base
  }
  afterAll(async () => base?.close())

  it('is a Llama of at most 3 million parameters and a few MB', async () => {
    const { model, loaded } = await load()
    const parameters = [...namedParameters(model).values()].reduce((sum, { shape }) => sum + sizeOf(shape), 0)
    expect(loaded.config.model_type).toBe('llama')
    expect(parameters).toBeLessThanOrEqual(3_000_000)
    expect((await stat(join(assets.base, 'model.safetensors'))).size).toBeLessThan(8_000_000)
  })

  it('has a tokenizer that fits it and gives every row back unchanged', async () => {
    const model = await load()
    const tokenizer = await model.tokenizer()
    expect(tokenizer.vocabSize).toBe(model.config.vocab_size)
    for (const { prompt, completion } of heldOut!)
      expect(tokenizer.decode(tokenizer.encode(prompt + completion).inputIds)).toBe(prompt + completion)
    expect(tokenizer.decode(tokenizer.encode('Ünknown – 漢字').inputIds)).toBe('Ünknown – 漢字')
  })
})

describe('the bundled data set', () => {
  it('holds at least 200 rows out, each different', () => {
    expect(heldOut!.length).toBeGreaterThanOrEqual(200)
    expect(new Set([...train!, ...heldOut!].map(({ prompt }) => prompt)).size).toBe(train!.length + heldOut!.length)
  })

  it('shares no name and no record between training and held-out rows', () => {
    const names = new Set(train!.flatMap(namesOf))
    expect(heldOut!.every((row) => namesOf(row).length === 1)).toBe(true)
    expect(heldOut!.flatMap(namesOf).filter((name) => names.has(name))).toEqual([])
    const records = new Set(train!.map(({ completion }) => completion))
    expect(heldOut!.filter(({ completion }) => records.has(completion))).toEqual([])
  })

  it('shares no sentence pattern between training and held-out rows', () => {
    const pattern = ({ prompt, completion }: { prompt: string; completion: string }) =>
      [...recordOf(completion)!, ...namesOf({ prompt, completion })].reduce(
        (text, word, i) => text.replace(new RegExp(`\\b${word}\\b`), `<${i}>`),
        prompt,
      )
    const known = new Set(train!.map(pattern))
    expect(heldOut!.map(pattern).filter((one) => known.has(one))).toEqual([])
  })

  it('cannot be solved by an answer that is always the same', () => {
    const { correct, total } = scoreConstant(heldOut!)
    expect(correct / total).toBeLessThan(0.02)
  })
})

describe('scoreAnswers', () => {
  it('counts answers that agree letter by letter', () => {
    const rows = heldOut!.slice(0, 3)
    const answers = [rows[0]!.completion, `${rows[1]!.completion} `, rows[2]!.completion.toLowerCase()]
    expect(scoreAnswers(rows, answers)).toEqual({ correct: 1, total: 3 })
  })
})

describe('shuffledAnswers', () => {
  it('keeps prompts and answers but gives hardly a prompt its own answer', () => {
    const shuffled = shuffledAnswers(train!, 1)
    expect(shuffled.map(({ prompt }) => prompt)).toEqual(train!.map(({ prompt }) => prompt))
    expect(shuffled.map(({ completion }) => completion).sort()).toEqual(
      train!.map(({ completion }) => completion).sort(),
    )
    const kept = shuffled.filter(({ completion }, i) => completion === train![i]!.completion)
    expect(kept.length / train!.length).toBeLessThan(0.01)
  })
})

describe('faultsOf', () => {
  const score = (correct: number) => ({ correct, total: 240 })
  const kept: QuickstartMeasures = {
    before: score(0),
    after: score(217), // 90.4 %
    constant: score(2),
    control: score(0),
    reloadedEqual: true,
  }

  it('finds none in a run above 90 %', () => {
    expect(faultsOf(kept)).toEqual([])
    expect(faultsOf({ ...kept, control: null })).toEqual([])
  })

  it('names each promise that a run did not keep', () => {
    const broken: readonly Partial<QuickstartMeasures>[] = [
      { before: score(13) },
      { after: score(216) }, // 90 % exactly
      { constant: score(13) },
      { control: score(13) },
      { reloadedEqual: false },
    ]
    for (const part of broken) expect(faultsOf({ ...kept, ...part })).toHaveLength(1)
  })
})
