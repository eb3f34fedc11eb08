import { fileURLToPath } from 'node:url'
import { hostTensorFromBytes, reference } from '@espalier/core'
import { lora } from '@espalier/lora'
import { openSource, openWeights } from '@espalier/serialization'
import { describe, expect, it } from 'vitest'
import { AutoModelForCausalLM, AutoModelForSequenceClassification } from '../auto/auto-model.js'
import { AutoTokenizer } from '../auto/auto-tokenizer.js'
import { tinyModelFiles } from '../tiny-model.fake.js'
import { getPeftModel } from './peft-model.js'
import { type ClassificationInput, predictionOf } from './text-classification.js'

const golden = fileURLToPath(new URL('../../../../tools/fixtures/subset/base/bert/seq-cls', import.meta.url))
const bert = () => AutoModelForSequenceClassification.fromPretrained(golden, { backend: reference() })

/** Two rows with token types and padding, and the logits of transformers. */
async function expected() {
  const weights = await openWeights(await openSource(golden), 'expected')
  const read = async (name: string) => {
    const tensor = weights.tensors.get(name)
    if (tensor === undefined) throw new Error(name)
    const bytes = await tensor.read()
    const values =
      tensor.dtype === 'F32'
        ? [...hostTensorFromBytes('f32', tensor.shape, bytes).data]
        : [...new BigInt64Array(bytes.slice().buffer)].map(Number)
    const size = values.length / 2
    return [values.slice(0, size), values.slice(size)] as [number[], number[]]
  }
  const [ids, masks, types] = await Promise.all(
    ['input_ids', 'attention_mask', 'token_type_ids'].map((name) => read(`input.token_types.${name}`)),
  )
  const logits = await read('output.token_types.logits')
  await weights.close()
  const rows = [0, 1].map((i) => ({
    inputIds: ids?.[i] as number[],
    attentionMask: masks?.[i] as number[],
    tokenTypeIds: types?.[i] as number[],
  }))
  return { rows, logits }
}

describe('a sequence classifier', () => {
  it('gives the logits of transformers, and its labels with scores', async () => {
    await using model = await bert()
    const { rows, logits } = await expected()
    const found = await model.logits(rows)
    for (const [i, row] of logits.entries())
      expect([...(found[i] as Float32Array)]).toEqual(row.map((x) => expect.closeTo(x, 4))) // the fixture's tolerance
    const [first] = await model.predict(rows)
    const exact = logits[0].map(Math.exp)
    const sum = exact.reduce((a, b) => a + b, 0)
    const scores = Object.fromEntries(exact.map((x, i) => [`LABEL_${i}`, expect.closeTo(x / sum, 4)]))
    const best = logits[0].indexOf(Math.max(...logits[0]))
    expect(first).toEqual({ label: `LABEL_${best}`, score: scores[`LABEL_${best}`], scores })
  })

  it('classifies texts and pairs with the tokenizer beside it, with adapters too', async () => {
    const files = await tinyModelFiles('SEQ_CLS')
    await using base = await AutoModelForSequenceClassification.fromPretrained(files, {
      backend: reference(),
      labels: ['good', 'bad'],
    })
    const tokenizer = await AutoTokenizer.fromPretrained(files)
    const one = await base.predict('once upon')
    expect(Object.keys(one.scores)).toEqual(['good', 'bad'])
    expect(one.score).toBe(Math.max(...Object.values(one.scores)))
    const ids = { inputIds: tokenizer.encode('once upon').inputIds }
    expect(await base.predict(['once upon', ['once', 'twice'], ids])).toEqual([one, expect.anything(), one])
    expect(await base.predict([])).toEqual([])
    expect(await base.logits('once upon')).toEqual((await base.logits(['once upon']))[0])
    expect((await base.predict('word '.repeat(400))).label).toMatch(/good|bad/) // more than its 128 positions: cut
    const adapted = getPeftModel(base, lora({ targetModules: ['q_proj'], initLoraWeights: false }))
    expect((await adapted.predict('once upon')).score).not.toBe(one.score)
    expect(await adapted.disableAdapter(() => adapted.predict('once upon'))).toEqual(one)
  })

  it('is refused what is no text, and a language model does not classify', async () => {
    await using model = await bert()
    for (const wrong of [5, [5], [['a', 'b', 'c']], null])
      await expect(model.predict(wrong as unknown as ClassificationInput[])).rejects.toMatchObject({
        code: 'config.value',
      })
    await using writer = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend: reference() })
    await expect(writer.predict('once')).rejects.toMatchObject({ code: 'model.unsupported' })
  })

  it('refuses what is no text', async () => {
    await using model = await bert()
    for (const input of [null, 7, ['one'], ['a', 'b', 'c'], {}])
      await expect(model.predict([input as never]), JSON.stringify(input)).rejects.toMatchObject({
        code: 'config.value',
      })
  })

  it('scores labels that may hold at once each by itself, and leaves the numbers of a regression', () => {
    const logits = Float32Array.of(0, 100)
    const config = (problem_type: string) => ({ problem_type })
    expect(predictionOf(logits, null, config('multi_label_classification')).scores).toEqual({
      LABEL_0: 0.5,
      LABEL_1: 1,
    })
    expect(predictionOf(Float32Array.of(3), ['stars'], config('regression'))).toMatchObject({
      label: 'stars',
      score: 3,
    })
    expect(predictionOf(Float32Array.of(0), null, {}).score).toBe(0.5)
  })

  it('refuses two labels of one name, by which it could only give one score', () => {
    expect(() => predictionOf(Float32Array.of(1, 2, 3), ['good', 'bad', 'bad'], {})).toThrow(
      expect.objectContaining({ code: 'model.config', details: expect.objectContaining({ label: 'bad' }) }),
    )
  })
})
