/** LoRA's configuration: PEFT's LoraConfig in camelCase, complete, with the defaults of PEFT 0.21. */
import {
  type ConfigField,
  type ConfigOf,
  defineConfig,
  EspalierError,
  field,
  layerFields,
  patternFields,
  targetFields,
} from '@espalier/core'

/** How a new adapter starts. Those that read the base weight or data cannot be used yet. */
export type LoraInit =
  | boolean
  | 'gaussian'
  | 'eva'
  | 'olora'
  | 'pissa'
  | `pissa_niter_${number}`
  | 'corda'
  | 'lora_ga'
  | 'loftq'
  | 'orthogonal'
  | 'mica'

const KNOWN_STARTS = /^(?:eva|olora|pissa|pissa_niter_\d+|corda|lora_ga|loftq|orthogonal|mica)$/

const start: ConfigField<LoraInit> = {
  fallback: true,
  read(key, value) {
    if (typeof value === 'boolean' || (typeof value === 'string' && value.toLowerCase() === 'gaussian'))
      return value as LoraInit
    const isKnown = typeof value === 'string' && KNOWN_STARTS.test(value)
    throw new EspalierError(isKnown ? 'config.unsupported' : 'config.value', {
      what: isKnown ? `starting with ${value} is not supported yet` : `${key} names no way to start`,
      got: { [key]: value },
      fix: "Use true, false or 'gaussian'",
    })
  },
}

const off = <T>(feature: string, fallback: T | null = null) => field.unsupported<T | null>(feature, fallback)

const fields = {
  /** Rank of the update: a whole number from 1 on. Default 8. */
  r: field.rank(8),
  ...targetFields,
  ...layerFields,
  ...patternFields,
  /** The update is scaled by loraAlpha / r. Default 8. */
  loraAlpha: field.number(8),
  /** Share of the input that is dropped before A while training, from 0 to below 1. Default 0. */
  loraDropout: field.share(0),
  /** Whether weights are stored as (in, out), as in GPT-2. Corrected by the layers that are found. */
  fanInFanOut: field.flag(false),
  /** Biases of the base model that train too: none, all, or those of targeted layers. Default 'none'. */
  bias: field.bias('lora_only'),
  /** Scales by loraAlpha / sqrt(r) instead. Source: arXiv:2312.03732. */
  useRslora: field.flag(false),
  /** Default true: A uniform, B zero. 'gaussian': A normal. False: both uniform, so that the adapter changes the output at once. */
  initLoraWeights: start,
  /** Gives B a bias. */
  loraBias: field.flag(false),
  megatronConfig: off<object>('Megatron'),
  megatronCore: field.kept<string | null>('megatron.core'),
  trainableTokenIndices: off<readonly number[] | Readonly<Record<string, readonly number[]>>>('training single tokens'),
  /** As PEFT: settings of LoftQ count only with that start, which is refused. */
  loftqConfig: { fallback: {}, read: () => ({}) } as ConfigField<object>,
  evaConfig: off<object>('EVA'),
  cordaConfig: off<object>('CorDA'),
  loraGaConfig: off<object>('LoRA-GA'),
  useDora: field.unsupported('DoRA', false),
  veloraConfig: off<object>('VeLoRA'),
  aloraInvocationTokens: off<readonly number[]>('activated LoRA'),
  useQalora: field.unsupported('QA-LoRA', false),
  qaloraGroupSize: field.kept(16),
  montecloraConfig: off<object>('MonteCLoRA'),
  layerReplication: off<readonly (readonly [number, number])[]>('layer replication'),
  /** Parameters that are no layer's, such as all experts of a mixture: their paths or ends of these. */
  targetParameters: field.names(),
  useBdlora: off<object>('block-diagonal LoRA'),
  arrowConfig: off<object>('Arrow routing'),
  kasaConfig: off<object>('KaSA'),
  ensureWeightTying: field.unsupported('adapting tied weights together', false),
}

/** Settings of LoRA by PEFT's names in camelCase; keys inside patterns and nested settings stay as they are. */
export type LoraConfig = ConfigOf<typeof fields>

/** How it is read. Parsing throws config.value for values out of range, config.unsupported for what does not exist yet. */
export const loraConfig = defineConfig(fields, checkTogether)

/** The rules of PEFT's LoraConfig between fields. */
function checkTogether(config: LoraConfig): void {
  const { targetModules, layersToTransform, layersPattern, loraBias, initLoraWeights } = config
  if (typeof targetModules === 'string' && (layersToTransform !== null || (layersPattern ?? '').length > 0))
    throw new EspalierError('config.value', {
      what: 'layersToTransform and layersPattern need a list of targetModules',
      got: { targetModules, layersToTransform, layersPattern },
    })
  if (loraBias && typeof initLoraWeights !== 'boolean')
    throw new EspalierError('config.value', {
      what: 'loraBias needs initLoraWeights true or false',
      got: { loraBias, initLoraWeights },
    })
}
