/** The tuner that docs/plugins.md shows, as it stands there. */
import { add, defineTuner, hostTensor, mul, type Tensor } from '@espalier/core'

/** What a configuration holds, by PEFT-like names in camelCase; adapter_config.json has them in snake_case. */
export interface GainConfig {
  readonly targetModules: readonly string[] | string | null
  /** Modules that train in full. */
  readonly modulesToSave: readonly string[] | null
  /** Where every gain starts. */
  readonly initGain: number
}

/** W' = W + g W with one number g per output. Gain g: (out, 1). */
export const gain = defineTuner<GainConfig, { g: Tensor }>({
  kind: 'gain', // peft_type GAIN
  parse: (raw) => ({
    targetModules: (raw.targetModules ?? null) as GainConfig['targetModules'],
    modulesToSave: (raw.modulesToSave ?? null) as GainConfig['modulesToSave'],
    initGain: Number(raw.initGain ?? 0),
  }),
  floatKeys: ['init_gain'],
  fileKeys: { g: 'gain_g' }, // <module path>.gain_g in adapter_model.safetensors
  create: ({ site, config }) => ({
    g: hostTensor('f32', [site.outSize, 1], new Float32Array(site.outSize).fill(config.initGain)),
  }),
  merge: ({ weight, state }) => add(weight, mul(weight, state.g)),
})
