import { reference } from '@espalier/core'
import { lora } from '@espalier/lora'
import { memoryFolder } from '@espalier/serialization'
import { expect, it } from 'vitest'
import { AutoModelForCausalLM } from '../auto/auto-model.js'
import { tinyModelFiles } from '../tiny-model.fake.js'
import { getPeftModel } from './peft-model.js'
import { getPeftModelStateDict, setPeftModelStateDict } from './state-dict.js'
import { getLayerStatus } from './status.js'

it('calls of a loaded model refuse options that do not exist, and change and write nothing', async () => {
  await using base = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend: reference() })
  const model = getPeftModel(base, lora({ r: 2, targetModules: ['q_proj'] }))
  const folder = memoryFolder()
  const given = (options: object) => options as never
  const refused: readonly (readonly [() => unknown, string])[] = [
    [() => model.savePretrained(folder, given({ selectedAdapter: ['default'] })), 'Did you mean selectedAdapters?'],
    [() => model.savePretrained(folder, given({ safe_serialization: true })), 'safetensors is what is written'],
    [() => model.savePretrained(folder, given({ dtype: 'f16' })), 'adapters are saved as they trained'],
    [() => base.savePretrained(folder, given({ dtypes: 'f16' })), 'Did you mean dtype?'],
    [() => base.savePretrained(folder, given({ maxShardSize: '1GB' })), 'one file'],
    [() => base.savePretrained(folder, given({ dtype: 'float16' })), 'bf16'],
    [() => model.mergeAndUnload(given({ safe_merge: true })), 'Set safe: true'],
    [() => model.mergeAdapter(given({ adapterName: 'default' })), 'Did you mean adapterNames?'],
    [() => model.mergeAdapter(given({ adapterNames: 'default' })), 'adapterNames takes a value of type array'],
    [() => model.setAdapter('default', given({ inference_mode: true })), 'Did you mean inferenceMode?'],
    [() => model.addAdapter('b', lora({ r: 2 }), given({ is_trainable: true })), 'Did you mean isTrainable?'],
    [() => getPeftModelStateDict(model, given({ adapter_name: 'b' })), 'Did you mean adapterName?'],
    [() => setPeftModelStateDict(model, new Map(), given({ adapter_name: 'b' })), 'Did you mean adapterName?'],
    [() => setPeftModelStateDict(model, given({})), 'Give a Map'],
    [() => getLayerStatus(given(base)), 'getPeftModel'],
  ]
  for (const [call, text] of refused) await expect(Promise.resolve().then(call)).rejects.toThrow(text)
  expect(folder.toFiles().size).toBe(0)
  expect(model.adapterNames).toEqual(['default'])
  expect(model.adapted.mergedAdapters).toEqual([])
})
