import { reference } from '@espalier/core'
import { lora } from '@espalier/lora'
import { expect, it } from 'vitest'
import { getPeftModel, PeftModel } from '../model/peft-model.js'
import { tinyModelFiles } from '../tiny-model.fake.js'
import { AutoModelForCausalLM } from './auto-model.js'
import { AutoPeftModelForCausalLM } from './auto-peft-model.js'

it('loading refuses options that do not exist, before anything is read', async () => {
  const nowhere = 'no/model'
  for (const [options, text] of [
    [{ torch_dtype: 'float16' }, 'Set dtype'],
    [{ deviceMap: 'auto' }, 'Give a backend'],
    [{ revision: 'main' }, 'owner/name@revision'],
    [{ dtypes: 'float16' }, 'Did you mean dtype?'],
    [{ backend: 'onnx' }, 'backend takes a value of type object'],
  ] as const) {
    const given = options as object
    await expect(AutoModelForCausalLM.fromPretrained(nowhere, given)).rejects.toThrow(text)
    await expect(AutoPeftModelForCausalLM.fromPretrained(nowhere, given)).rejects.toThrow(text)
  }
})

it('so do adapters, loaded and new', async () => {
  await using base = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend: reference() })
  const misspelt = { is_trainable: true, adapterName: 'b' } as { adapterName: string }
  const unknown = { code: 'config.unknown', message: expect.stringContaining('isTrainable') }
  const model = getPeftModel(base, lora(), { adapterName: 'a' })
  await expect(PeftModel.fromPretrained(base, 'nowhere', misspelt)).rejects.toMatchObject(unknown)
  await expect(model.loadAdapter('nowhere', misspelt)).rejects.toMatchObject(unknown)
  expect(() => getPeftModel(base, lora(), misspelt)).toThrow(expect.objectContaining(unknown))
})
