import { EspalierError, hostTensor, reference, sizeOf } from '@espalier/core'
import { lora } from '@espalier/lora'
import { configureAdapter } from '@espalier/serialization'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeFailure } from '../cli/failure.js'
import { getPeftModel, PeftModel } from '../model/peft-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import { tinyModelFiles } from '../tiny-model.fake.js'
import { AutoModelForCausalLM } from './auto-model.js'
import { AutoPeftModelForCausalLM } from './auto-peft-model.js'

const file = { r: 8, lora_alpha: 16, lora_dropout: 0, target_modules: ['q_proj'], rank_pattern: {}, use_rslora: false }
const configured = (changed: Readonly<Record<string, unknown>> = {}) =>
  configureAdapter(lora, { ...file, ...changed }, { file: 'adapter_config.json', folder: 'out' })

describe('configureAdapter', () => {
  it('configures the tuner as the file says', () => {
    expect(configured().config).toMatchObject({ r: 8, loraAlpha: 16, targetModules: ['q_proj'] })
  })

  it.each<[string, unknown]>([
    ['r', '8'],
    ['r', -1],
    ['r', 8.5],
    ['lora_alpha', null],
    ['lora_alpha', 'x'],
    ['lora_dropout', 2],
    ['target_modules', 5],
    ['rank_pattern', { q_proj: 'x' }],
    ['use_rslora', 'yes'],
    ['modules_to_save', 7],
    ['task_type', 'CAUSAL_LMX'],
  ])('tells a wrong %s with the file and its own key', (key, value) => {
    let error: unknown
    try {
      configured({ [key]: value })
    } catch (caught) {
      error = caught
    }
    expect(error).toMatchObject({ code: 'adapter.config', details: { file: 'adapter_config.json', folder: 'out' } })
    const { message } = error as Error
    expect(message).toContain(key)
    expect(message).not.toMatch(/loraAlpha|loraDropout|targetModules|rankPattern|useRslora|modulesToSave|taskType/)
  })
})

describe('PeftModel.fromPretrained', () => {
  let base: PretrainedModel
  let files: Map<string, Blob>
  beforeAll(async () => {
    base = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend: reference() })
    files = await getPeftModel(base, lora({ r: 2, targetModules: ['q_proj'] })).toFiles()
  })
  afterAll(() => base.close())

  it('is told of a model, with the class and the option that load it; so are the Auto classes', async () => {
    const refused = {
      code: 'file.missing',
      what: 'this is a model, and no adapter',
      fix: 'Load it with AutoModelForCausalLM, on the command line as --model',
    }
    const model = await tinyModelFiles()
    await expect(PeftModel.fromPretrained(base, model)).rejects.toMatchObject(refused)
    await expect(AutoPeftModelForCausalLM.fromPretrained(model)).rejects.toMatchObject(refused)
    const classifier = { fix: expect.stringContaining('AutoModelForSequenceClassification,') }
    await expect(PeftModel.fromPretrained(base, await tinyModelFiles('SEQ_CLS'))).rejects.toMatchObject(classifier)
    const empty = { code: 'file.missing', what: 'a file is missing' }
    await expect(PeftModel.fromPretrained(base, new Map())).rejects.toMatchObject(empty)
  })

  it('with values that are not finite is warned of, and refused where it is to train, by file and tensor', async () => {
    const model = getPeftModel(base, lora({ r: 2, targetModules: ['q_proj'] }))
    const adapter = model.adapted.adapter('default')
    const [name = ''] = adapter.specs.keys()
    const shape = adapter.specs.get(name)?.shape ?? []
    adapter.setValues(new Map([[name, hostTensor('f32', shape, new Float32Array(sizeOf(shape)).fill(Number.NaN))]]), {
      partial: true,
    })
    const broken = await model.toFiles()
    const used = await PeftModel.fromPretrained(base, broken)
    expect(used.warnings).toEqual([expect.stringMatching(/lora_A.*adapter_model\.safetensors.*not finite/)])
    await expect(PeftModel.fromPretrained(base, broken, { isTrainable: true })).rejects.toMatchObject({
      code: 'training.diverged',
      details: { file: 'adapter_model.safetensors', tensors: [name] },
    })
  })

  const failureOf = async (changed: Readonly<Record<string, unknown>>) => {
    const config = JSON.parse((await files.get('adapter_config.json')?.text()) ?? '')
    const text = JSON.stringify({ ...config, ...changed })
    const source = new Map(files).set('adapter_config.json', new Blob([text]))
    const failure = await PeftModel.fromPretrained(base, source).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(EspalierError)
    return failure as EspalierError
  }

  it.each<[string, unknown, string]>([
    ['target_modules', ['nope'], 'target.none'],
    ['target_modules', 'nope', 'target.none'],
    ['target_modules', '(', 'adapter.config'],
    ['target_modules', ['input_layernorm'], 'target.unsupported'],
    ['exclude_modules', ['q_proj'], 'target.none'],
    ['layers_to_transform', [7], 'target.none'],
    ['peft_type', '__proto__', 'plugin.unknown'],
    ['peft_type', 'NOPE', 'plugin.unknown'],
    ['peft_type', 'IA3', 'adapter.tensors'],
    ['r', 4, 'adapter.tensors'],
    ['rank_pattern', { '(': 4 }, 'adapter.config'],
  ])(
    'tells a %s that does not fit (%j) with the file and its key, and with no option of the command line',
    async (key, value, code) => {
      const failure = await failureOf({ [key]: value })
      const said = describeFailure(failure).lines.join('\n')
      expect(failure.details.file, said).toMatch(/^adapter_(config\.json|model\.safetensors)$/)
      expect(said).not.toContain(' --')
      expect(said).not.toMatch(/\b(targetModules|excludeModules|layersToTransform|modulesToSave|peftType)\b/)
      expect(failure.code, said).toBe(code)
      if (code !== 'adapter.tensors') expect(said).toContain(key)
    },
  )
})
