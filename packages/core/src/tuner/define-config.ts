/** A configuration made of fields: its type, how it is completed and checked, and which keys Python holds as floats. */
import { EspalierError } from '../errors.js'
import type { ConfigField } from './config-fields.js'
import { snakeCase } from './file-config.js'

/** Fields by camelCase name. */
export type ConfigFields = Readonly<Record<string, ConfigField<unknown>>>

/** The type of a complete configuration of these fields. */
export type ConfigOf<Fields> = {
  readonly [K in keyof Fields]: Fields[K] extends ConfigField<infer Value> ? Value : never
}

/** What a tuner's definition takes from its fields: `defineTuner({ kind, ...defineConfig(fields), ... })`. */
export interface DefinedConfig<Config> {
  /** A complete, checked configuration from camelCase keys; others are left out. Throws config.value, config.unsupported. */
  parse(raw: Readonly<Record<string, unknown>>): Config
  readonly floatKeys: readonly string[]
}

/**
 * How a configuration of these fields is read. `check` holds fields against each other, and throws. PEFT's rule for layersPattern, which
 * needs layersToTransform, is checked wherever there are such fields.
 */
export function defineConfig<Fields extends ConfigFields>(
  fields: Fields,
  check: (config: ConfigOf<Fields>) => void = () => {},
): DefinedConfig<ConfigOf<Fields>> {
  const entries = Object.entries(fields)
  return {
    parse(raw) {
      const read = entries.map(([key, { fallback, read }]) => [
        key,
        raw[key] === undefined ? fallback : read(key, raw[key]),
      ])
      const config = Object.fromEntries(read) as ConfigOf<Fields>
      checkLayers(config)
      check(config)
      return config
    },
    floatKeys: entries.filter(([, { isFloat }]) => isFloat === true).map(([key]) => snakeCase(key)),
  }
}

function checkLayers(config: Readonly<Record<string, unknown>>): void {
  const { layersPattern, layersToTransform } = config
  const isGiven = (typeof layersPattern === 'string' || Array.isArray(layersPattern)) && layersPattern.length > 0
  if (isGiven && layersToTransform === null)
    throw new EspalierError('config.value', {
      what: 'layersPattern needs layersToTransform',
      got: { layersPattern, layersToTransform },
    })
}
