/** How many parameters a model has and how many an adapter would train, by config.json alone: the tree is built, no weight is read. */
import { AdaptedModel, EspalierError, type ModelSizes, ParameterScope, type TargetConfig } from '@espalier/core'
import { lora } from '@espalier/lora'
import { architectures } from '@espalier/models'
import { architectureFor, type HfConfig, taskOf } from '@espalier/serialization'

/** What was counted. */
export interface ParameterShare {
  readonly sizes: ModelSizes
  /** Of the model without an adapter. */
  readonly parameters: number
  /** LoRA of rank 8 on the model type's default targets, in words, or why there is none. */
  readonly adapter: string
}

/** Counts a model's parameters, and those of PEFT's default LoRA. folder: of the configuration, for messages. Throws plugin.unknown, model.config, model.unsupported. */
export function parameterShare(config: HfConfig, folder: string): ParameterShare {
  const { modelType, values } = config
  const architecture = architectureFor(modelType, architectures, folder)
  const scope = new ParameterScope((_, shape) => ({ dtype: 'f32', shape, read: neverRead }))
  const model = architecture.build(values, scope, taskOf(config, architecture))
  const { sizes } = model
  const { defaultTargets } = architecture
  const adapted = new AdaptedModel({
    model,
    modelType,
    config: values,
    nameOrPath: null,
    revision: null,
    defaultTargets,
  })
  const parameters = adapted.parameterCounts().all
  try {
    const adapter = adapted.addAdapter('default', lora({}))
    const { trainable, all } = adapted.parameterCounts()
    const named = (adapter.config as TargetConfig).targetModules ?? []
    const targets = typeof named === 'string' ? named : named.join(', ')
    return { sizes, parameters, adapter: `${counted(trainable)} of ${counted(all)} for LoRA of rank 8 on ${targets}` }
  } catch (error) {
    if (!(error instanceof EspalierError)) throw error
    return { sizes, parameters, adapter: `not known: ${error.message}` }
  }
}

function neverRead(): Promise<never> {
  return Promise.reject(
    new EspalierError('file.missing', {
      what: 'there are no weights, only config.json',
      got: {},
      fix: 'Download the weights beside it.',
    }),
  )
}

function counted(count: number): string {
  return count.toLocaleString('en-US')
}
