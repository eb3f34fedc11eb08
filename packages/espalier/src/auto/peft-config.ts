/** An adapter's configuration on its own, without model and tensors: PEFT's PeftConfig.from_pretrained. */
import { type AdapterMetadata, fromFileConfig } from '@espalier/core'
import type { LoraConfig } from '@espalier/lora'
import { type HubOptions, openSource, readAdapterConfig, type Source } from '@espalier/serialization'
import { settle } from '../platform/settle/node.js'

/** adapter_config.json in camelCase; keys inside values are as they were. */
export interface PeftConfig extends Partial<AdapterMetadata>, Readonly<Record<string, unknown>> {
  /** LORA */
  readonly peftType: string
  readonly baseModelNameOrPath: string | null
  readonly revision: string | null
}

/** An adapter's configuration: what every method has, LoRA's fields where the method has them, and any others of its own. */
export type AdapterConfig = PeftConfig & Readonly<Partial<LoraConfig>>

/** Where in the source the adapter lies. */
export interface PeftConfigOptions extends HubOptions {
  readonly subfolder?: string
}

/** Reads adapters' configurations. */
export const PeftConfig = {
  /** The configuration of an adapter folder or repository. Throws file.missing, file.json, adapter.config, run.unsettled, hub.*, or the signal's reason. */
  async fromPretrained(source: Source, options: PeftConfigOptions = {}): Promise<PeftConfig> {
    const { subfolder, ...hub } = options
    await settle(source, options)
    const root = await openSource(source, {
      ...hub,
      groups: ['adapter'],
      ...(subfolder === undefined ? {} : { subfolder }),
    })
    const { peftType, values } = await readAdapterConfig(subfolder === undefined ? root : root.folder(subfolder))
    const text = (key: string) => (typeof values[key] === 'string' ? (values[key] as string) : null)
    return {
      ...fromFileConfig(values),
      peftType,
      baseModelNameOrPath: text('base_model_name_or_path'),
      revision: text('revision'),
    }
  },
}
