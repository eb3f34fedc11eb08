/** An adapter's tensors under the names of its file: PEFT's get_peft_model_state_dict and set_peft_model_state_dict. */
import { EspalierError, type HostTensor, requireParts } from '@espalier/core'
import { fromFileKey, toFileKey } from '@espalier/serialization'
import { checkStateDictOptions, requirePeftModel } from './known-model-options.js'
import type { PeftModel } from './peft-model.js'

/** Which adapter. */
export interface StateDictOptions {
  /** Default 'default'. */
  readonly adapterName?: string
}

/** What did not meet when tensors were set: names of the file. */
export interface IncompatibleKeys {
  readonly missingKeys: readonly string[]
  readonly unexpectedKeys: readonly string[]
}

/** The adapter's tensors as its file holds them, by name: `base_model.model.….lora_A.weight`. Throws adapter.name, config.*. */
export async function getPeftModelStateDict(
  model: PeftModel,
  options: StateDictOptions = {},
): Promise<Map<string, HostTensor>> {
  requirePeftModel(model)
  checkStateDictOptions('getPeftModelStateDict', options)
  const { adapterName = 'default' } = options
  const values = await model.adapted.adapter(adapterName).fileValues()
  return new Map([...values].map(([key, tensor]) => [toFileKey(key), tensor]))
}

/** Sets an adapter's tensors by the names of its file, and tells which were missing or unknown. Nothing changes when it throws: adapter.name, adapter.tensors for a wrong shape, config.* for other arguments than these. */
export function setPeftModelStateDict(
  model: PeftModel,
  stateDict: ReadonlyMap<string, HostTensor>,
  options: StateDictOptions = {},
): IncompatibleKeys {
  requirePeftModel(model)
  requireParts('stateDict', stateDict, ['get', 'keys'], 'Give a Map of tensors by name, as getPeftModelStateDict does')
  checkStateDictOptions('setPeftModelStateDict', options)
  const { adapterName = 'default' } = options
  const adapter = model.adapted.adapter(adapterName)
  const { specs, repeated } = adapter
  const given = new Map([...stateDict].map(([key, tensor]) => [fromFileKey(key), { key, tensor }]))
  const fitting = [...given].filter(([key]) => specs.has(key))
  if (fitting.length === 0 && specs.size > 0) {
    throw new EspalierError('adapter.tensors', {
      what: 'no tensor belongs to the adapter',
      got: { adapter: adapterName, given: [...stateDict.keys()], needed: [...specs.keys()].map(toFileKey) },
      fix: 'Use the names of an adapter file',
    })
  }
  adapter.setValues(new Map(fitting.map(([key, { tensor }]) => [key, tensor])), { partial: true })
  return {
    missingKeys: [...specs.keys()].filter((key) => !given.has(key)).map(toFileKey),
    unexpectedKeys: [...given].flatMap(([key, { key: original }]) =>
      specs.has(key) || repeated.has(key) ? [] : [original],
    ),
  }
}
