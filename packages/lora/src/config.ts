/** LoRA's configuration: PEFT's LoraConfig in camelCase, complete. Checking is in parse-config.ts. */
import type { TargetConfig } from '@espalier/core'

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

/** Settings of LoRA by PEFT's names in camelCase; keys inside patterns and nested settings stay as they are. */
export interface LoraConfig extends TargetConfig {
  /** Rank of the update: a whole number from 1 on. Default 8. */
  readonly r: number
  /** Layers by name, path, pattern or 'all-linear'. Null: the default of the model type. */
  readonly targetModules: readonly string[] | string | null
  /** Layers that are left out, by the same rules. */
  readonly excludeModules: readonly string[] | string | null
  /** The update is scaled by loraAlpha / r. Default 8. */
  readonly loraAlpha: number
  /** Share of the input that is dropped before A while training, from 0 to below 1. Default 0. */
  readonly loraDropout: number
  /** Whether weights are stored as (in, out), as in GPT-2. Corrected by the layers that are found. */
  readonly fanInFanOut: boolean
  /** Biases of the base model that train too. Only 'none' so far. */
  readonly bias: 'none' | 'all' | 'lora_only'
  /** Scales by loraAlpha / sqrt(r) instead. Source: arXiv:2312.03732. */
  readonly useRslora: boolean
  /** Modules that are trained and saved in full, by the end of their path. */
  readonly modulesToSave: readonly string[] | null
  /** Default true: A uniform, B zero. 'gaussian': A normal. False: both uniform, so that the adapter changes the output at once. */
  readonly initLoraWeights: LoraInit
  /** Numbers of the layers to adapt; only with a list of targetModules. */
  readonly layersToTransform: readonly number[] | number | null
  /** Name of the list that those numbers count in, such as 'layers'. */
  readonly layersPattern: readonly string[] | string | null
  /** Ranks by pattern of the path's end; the first that matches wins. */
  readonly rankPattern: Readonly<Record<string, number>>
  /** Alphas, likewise. */
  readonly alphaPattern: Readonly<Record<string, number>>
  /** Gives B a bias. */
  readonly loraBias: boolean
  readonly megatronConfig: object | null
  readonly megatronCore: string | null
  readonly trainableTokenIndices: readonly number[] | Readonly<Record<string, readonly number[]>> | null
  readonly loftqConfig: object
  readonly evaConfig: object | null
  readonly cordaConfig: object | null
  readonly loraGaConfig: object | null
  readonly useDora: boolean
  readonly veloraConfig: object | null
  readonly aloraInvocationTokens: readonly number[] | null
  readonly useQalora: boolean
  readonly qaloraGroupSize: number
  readonly montecloraConfig: object | null
  readonly layerReplication: readonly (readonly [number, number])[] | null
  readonly targetParameters: readonly string[] | null
  readonly useBdlora: object | null
  readonly arrowConfig: object | null
  readonly kasaConfig: object | null
  readonly ensureWeightTying: boolean
}

/** PEFT 0.21's defaults. */
export const loraDefaults: LoraConfig = {
  r: 8,
  targetModules: null,
  excludeModules: null,
  loraAlpha: 8,
  loraDropout: 0,
  fanInFanOut: false,
  bias: 'none',
  useRslora: false,
  modulesToSave: null,
  initLoraWeights: true,
  layersToTransform: null,
  layersPattern: null,
  rankPattern: {},
  alphaPattern: {},
  loraBias: false,
  megatronConfig: null,
  megatronCore: 'megatron.core',
  trainableTokenIndices: null,
  loftqConfig: {},
  evaConfig: null,
  cordaConfig: null,
  loraGaConfig: null,
  useDora: false,
  veloraConfig: null,
  aloraInvocationTokens: null,
  useQalora: false,
  qaloraGroupSize: 16,
  montecloraConfig: null,
  layerReplication: null,
  targetParameters: null,
  useBdlora: null,
  arrowConfig: null,
  kasaConfig: null,
  ensureWeightTying: false,
}
