import { expect, it } from 'vitest'
import { checkArguments } from './known-arguments.js'
import { pythonArguments } from './python-arguments.js'

it('refuses names that do not exist, and tells the nearest', () => {
  for (const [key, meant] of [
    ['learning_rate', 'learningRate'],
    ['maxStep', 'maxSteps'],
  ] as const) {
    const unknown = { code: 'config.unknown', details: { key } }
    expect(() => checkArguments({ [key]: 1 })).toThrow(expect.objectContaining(unknown))
    expect(() => checkArguments({ [key]: 1 })).toThrow(`Did you mean ${meant}?`)
  }
  expect(() => checkArguments({ toString: true })).toThrow('key="toString"')
})

it('says of arguments of Python that are not here why, and what to do', () => {
  for (const [key, text] of [
    ['bf16', 'the CPU computes in float32'],
    ['fp16', 'the CPU computes in float32'],
    ['gradient_checkpointing_kwargs', 'in one way'],
    ['report_to', 'log.jsonl'],
    ['reportTo', 'log.jsonl'],
    ['neftune_noise_alpha', 'does not exist yet'],
    ['datasetTextField', 'textField'],
    ['dataset_text_field', 'textField'],
    ['resumeFromCheckpoint', 'train({ resumeFromCheckpoint: true })'],
    ['peft_config', 'peftConfig'],
    ['maxSeqLength', 'maxLength'],
    ['disableTqdm', 'prints'],
    ['use_cpu', 'backend'],
    ['auto_find_batch_size', 'tokensPerMicroBatch'],
    ['pushToHub', 'espalier push'],
    ['model_init_kwargs', 'fromPretrained'],
  ] as const) {
    const refused = { code: 'config.unsupported', details: { [key]: true } }
    expect(() => checkArguments({ [key]: true })).toThrow(expect.objectContaining(refused))
    expect(() => checkArguments({ [key]: true })).toThrow(text)
  }
})

it('names no option of the command line, and no name that is far from what was written', () => {
  for (const name of Object.keys(pythonArguments))
    expect(() => checkArguments({ [name]: true })).not.toThrow(/--|Did you mean/)
  expect(() => checkArguments({ foo: 1 })).not.toThrow('Did you mean')
})

it('refuses values of another kind, naming the argument', () => {
  for (const args of [{ learningRate: '2e-4' }, { maxSteps: null }, { shuffle: 'false' }, { outputDir: 1 }])
    expect(() => checkArguments(args)).toThrow(expect.objectContaining({ code: 'config.value', details: args }))
  checkArguments({ learningRate: 1, maxLength: null, seed: undefined, shuffle: false, lrSchedulerKwargs: {} })
})
