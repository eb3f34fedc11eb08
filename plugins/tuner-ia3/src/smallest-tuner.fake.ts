/** The tuner that docs/plugins.md shows, as it stands there. */
import {
  add,
  type ConfigOf,
  defineConfig,
  defineTuner,
  field,
  hostTensor,
  mul,
  type Tensor,
  targetFields,
} from '@espalier/core'

const fields = {
  ...targetFields, // targetModules, excludeModules, modulesToSave
  /** Where every gain starts. Named initGain here, init_gain in adapter_config.json. */
  initGain: field.float(0),
}

/** W' = W + g W with one number g per output. Gain g: (out, 1). */
export const gain = defineTuner<ConfigOf<typeof fields>, { g: Tensor }>({
  kind: 'gain', // peft_type GAIN
  ...defineConfig(fields),
  fileKeys: { g: 'gain_g' }, // <module path>.gain_g in adapter_model.safetensors
  create: ({ site, config }) => ({
    g: hostTensor('f32', [site.outSize, 1], new Float32Array(site.outSize).fill(config.initGain)),
  }),
  merge: ({ weight, state }) => add(weight, mul(weight, state.g)),
})
