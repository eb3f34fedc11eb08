/** IA3's configuration: PEFT's IA3Config in camelCase, with its defaults and checks. */
import { type ConfigOf, defineConfig, EspalierError, field, targetFields } from '@espalier/core'

const fields = {
  ...targetFields,
  /** Which of the targets scale their input instead of their output: ends of paths, or a pattern. Null: the model type's. */
  feedforwardModules: field.modules(),
  /** Whether weights are stored as (in, out), as in GPT-2. Corrected by the layers that are found. */
  fanInFanOut: field.flag(false),
  /** Default true: all ones, which changes nothing. False: standard normal. */
  initIa3Weights: field.flag(true),
}

/** Settings of IA3 by PEFT's names in camelCase. */
export type Ia3Config = ConfigOf<typeof fields>

/** How it is read. Parsing throws config.value. */
export const ia3Config = defineConfig(fields, ({ feedforwardModules, targetModules }) => {
  if (!Array.isArray(feedforwardModules) || !Array.isArray(targetModules)) return
  if (feedforwardModules.some((name) => !targetModules.includes(name)))
    throw new EspalierError('config.value', {
      what: 'feedforwardModules must be part of targetModules',
      got: { feedforwardModules, targetModules },
    })
})
