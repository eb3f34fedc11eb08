/** What a program in plain JavaScript may get wrong: each is an error that names the argument and what to give, none is raised by the engine. */
import { EspalierError } from '@espalier/core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import * as espalier from './index.js'
import { temporaryFolder, tinyRows } from './tiny-model.fake.js'

// biome-ignore lint/suspicious/noExplicitAny: no compiler looks at these programs
type Any = any
const { AutoModelForCausalLM, AutoTokenizer, getLayerStatus, getModelStatus, getPeftModel, getPeftModelStateDict } =
  espalier as Any
const { concatenateDatasets, loadDataset, lora, PeftModel, setPeftModelStateDict, SFTTrainer, Trainer } =
  espalier as Any

let local: Awaited<ReturnType<typeof temporaryFolder>>
let base: Any
beforeAll(async () => {
  local = await temporaryFolder({ model: true })
  base = await AutoModelForCausalLM.fromPretrained(local.path)
})
afterAll(async () => {
  await base.close()
  local.remove()
})

const adapted = () => getPeftModel(base, lora({ r: 2, targetModules: 'all-linear' }))
const trainer = (options: object) =>
  new SFTTrainer({ model: adapted(), trainDataset: tinyRows, args: { maxSteps: 1 }, ...options })

function failureOf(program: () => unknown): Promise<unknown> {
  return Promise.resolve()
    .then(program)
    .then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
}

const mistakes: Readonly<Record<string, () => unknown>> = {
  'no name of a model': () => AutoModelForCausalLM.fromPretrained(),
  'a number as a model': () => AutoModelForCausalLM.fromPretrained(5),
  'the name of a backend': () => AutoModelForCausalLM.fromPretrained(local.path, { backend: 'onnx' }),
  'no name of a tokenizer': () => AutoTokenizer.fromPretrained(),
  'no folder of an adapter': () => PeftModel.fromPretrained(base),
  'no base of an adapter': () => PeftModel.fromPretrained(undefined, local.path),
  'no base': () => getPeftModel(),
  'no method': () => getPeftModel(base),
  'settings without a method': () => getPeftModel(base, { r: 8 }),
  'null as settings': () => lora(null),
  'an adapter without a method': () => adapted().addAdapter('other'),
  'an adapter without a name': () => adapted().loadAdapter(local.path),
  'no adapter to choose': () => adapted().setAdapter(),
  'no folder to save to': () => adapted().savePretrained(),
  'a number as a folder': () => trainer({}).saveModel(5),
  'no options of a trainer': () => new SFTTrainer(),
  'no model': () => new Trainer({ trainDataset: tinyRows }),
  'the path of a model': () => trainer({ model: local.path }),
  'no rows': () => new SFTTrainer({ model: base }),
  'rows under a name of Python': () => trainer({ train_dataset: tinyRows }),
  'rows of texts': () => trainer({ trainDataset: ['a', 'b'] }).train(),
  'no rows to load': () => loadDataset(),
  'a number of rows to load': () => loadDataset(5),
  'a list of data sets to train on': () => trainer({ trainDataset: [loadDataset(tinyRows), tinyRows] }),
  'a list of rows beside data sets': () => concatenateDatasets([loadDataset(tinyRows), tinyRows]),
  'splits to train on': () => trainer({ trainDataset: loadDataset(tinyRows).trainTestSplit() }),
  'splits to evaluate on': () => trainer({ evalDataset: { validation: loadDataset(tinyRows) } }),
  'null as args': () => trainer({ args: null }),
  'settings as peftConfig': () => new SFTTrainer({ model: base, peftConfig: { r: 2 }, trainDataset: tinyRows }),
  'one callback': () => trainer({ callbacks: { onStepEnd() {} } }),
  'null as a callback': () => trainer({ callbacks: [null] }),
  'the name of an optimizer': () => trainer({ optimizer: 'adamw' }),
  'the folder of a tokenizer': () => trainer({ tokenizer: local.path }),
  'a number as a transform': () => trainer({ transforms: [5] }),
  'a collator that collates nothing': () => trainer({ dataCollator: {} }),
  'a loss that is a number': () => trainer({ computeLoss: () => 5 }).train(),
  'a strategy that does not exist': () => trainer({ args: { saveStrategy: 'sometimes' } }),
  'a seed that is none': () => trainer({ args: { seed: -1.5 } }),
  'a signal that is none': () => trainer({}).train({ signal: 5 }),
  'nothing to evaluate on': () => trainer({}).evaluate(),
  'nothing to generate from': () => base.generate(),
  'one text as a batch': async () => (await base.tokenizer()).encodeBatch('once'),
  'one id to decode': async () => (await base.tokenizer()).decode(5),
  'one row of ids as several': async () => (await base.tokenizer()).decodeBatch(5),
  'a text as messages': async () => (await base.tokenizer()).applyChatTemplate('hello'),
  'a number to tokenize': async () => (await base.tokenizer()).encode(5),
}

it.each(Object.entries(mistakes))('%s', async (_, program) => {
  const error = await failureOf(program)
  expect(error).toSatisfy(EspalierError.isInstance)
  expect(String(error)).not.toContain('undefined is')
})

const promised: Readonly<Record<string, () => unknown>> = {
  'a base of getPeftModel': () => getPeftModel(Promise.resolve(base), lora()),
  'a base of PeftModel.fromPretrained': () => PeftModel.fromPretrained(Promise.resolve(base), 'x'),
  'a method of getPeftModel': () => getPeftModel(base, Promise.resolve(lora())),
  'a model of a trainer': () => trainer({ model: Promise.resolve(base) }),
  'a model of a trainer with a method': () =>
    new SFTTrainer({ model: Promise.resolve(base), peftConfig: lora(), trainDataset: tinyRows }),
  'a method of a trainer': () =>
    new SFTTrainer({ model: base, peftConfig: Promise.resolve(lora()), trainDataset: tinyRows }),
  'a tokenizer of a trainer': () => trainer({ tokenizer: base.tokenizer() }),
  'rows of a trainer': () => trainer({ trainDataset: Promise.resolve(tinyRows) }),
  'rows to evaluate on': () => trainer({ evalDataset: Promise.resolve(tinyRows) }),
  'a callback of a trainer': () => trainer({ callbacks: [Promise.resolve({})] }),
  'arguments of a trainer': () => trainer({ args: { maxSteps: Promise.resolve(1) } }),
  'rows to load': () => loadDataset(Promise.resolve(tinyRows)),
  'a tokenizer of a model': () => base.setTokenizer(base.tokenizer()),
  'a tokenizer to load with': () => AutoModelForCausalLM.fromPretrained(local.path, { tokenizer: base.tokenizer() }),
  'a backend to load on': () => AutoModelForCausalLM.fromPretrained(local.path, { backend: Promise.resolve({}) }),
  'a name of a model': () => AutoModelForCausalLM.fromPretrained(Promise.resolve(local.path)),
  'a name of a tokenizer': () => AutoTokenizer.fromPretrained(Promise.resolve(local.path)),
  'a folder of an adapter': () => PeftModel.fromPretrained(base, Promise.resolve(local.path)),
  'another backend': () => base.to(Promise.resolve({})),
  'a prompt': () => base.generate({ prompt: Promise.resolve('a') }),
  'options of generate': () => base.generate(Promise.resolve({ prompt: 'a' })),
  'a folder to save to': () => adapted().savePretrained(Promise.resolve(local.path)),
  'a name of an adapter': () => adapted().setAdapter(Promise.resolve('default')),
  'a text to tokenize': async () => (await base.tokenizer()).encode(Promise.resolve('a')),
  'a model of getLayerStatus': () => getLayerStatus(Promise.resolve(base)),
  'a model of getModelStatus': () => getModelStatus(Promise.resolve(base)),
  'a model of getPeftModelStateDict': () => getPeftModelStateDict(Promise.resolve(adapted())),
  'a model of setPeftModelStateDict': () => setPeftModelStateDict(Promise.resolve(adapted()), new Map()),
  'a state to set': () => setPeftModelStateDict(adapted(), getPeftModelStateDict(adapted())),
}

it.each(Object.entries(promised))('a promise as %s: the missing await is named', async (_, program) => {
  const error = await failureOf(program)
  expect(error).toSatisfy(EspalierError.isInstance)
  expect(String(error)).toContain('await is missing')
})

it('names the option that would give rows to evaluate on', async () => {
  await expect(trainer({}).evaluate()).rejects.toThrow('evalDataset')
  expect(() => trainer({ args: { evalStrategy: 'epoch' } })).toThrow('evalDataset')
})
