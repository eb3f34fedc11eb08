/** Making a tuner: the definition becomes a function of its configuration that carries itself along. */
import { EspalierError } from '../errors.js'
import { requireParts } from '../known-options.js'
import { didYouMean } from '../nearest.js'
import type { ConfiguredTuner, LayerTuner, ModuleTuner, PromptTuner, TunerBase, TunerState } from './families.js'
import { type AdapterMetadata, fromFileConfig, metadataFields, snakeCase, splitMetadata } from './file-config.js'
import { toPythonPattern } from './python-regex.js'

/** A configuration as users write it: every field may be left out, and target names may be a RegExp that matches the whole path. */
export type ConfigInput<Config> = {
  readonly [K in keyof Config]?: K extends PatternKey ? Config[K] | RegExp : Config[K]
} & Partial<AdapterMetadata>

/** A tuner that is called with its configuration: `lora({ r: 8 })`. Its parts are properties of the function. */
export type TunerFunction<T extends TunerBase<Config>, Config> = T &
  ((config?: ConfigInput<Config>) => ConfiguredTuner<Config>)

/** A layer tuner's definition as authors write it; `apiVersion` and `family` are filled in. */
export type LayerTunerDefinition<Config, State extends TunerState, Held extends keyof State = never> = Omit<
  LayerTuner<Config, State, Held>,
  'apiVersion' | 'family'
>

/** A callable layer tuner from its definition. Throws config.value when it has neither merge nor forward, or a kind that is not lower-case. */
export function defineTuner<Config, State extends TunerState, Held extends keyof State = never>(
  definition: LayerTunerDefinition<Config, State, Held>,
): TunerFunction<LayerTuner<Config, State, Held>, Config> {
  if (definition.merge === undefined && definition.forward === undefined) {
    throw new EspalierError('config.value', {
      what: 'a layer tuner needs merge or forward',
      got: { kind: definition.kind },
    })
  }
  return callable({ ...definition, apiVersion: 1, family: 'layer' })
}

/** A callable prompt tuner. */
export function definePromptTuner<Config, State extends TunerState>(
  definition: Omit<PromptTuner<Config, State>, 'apiVersion' | 'family'>,
): TunerFunction<PromptTuner<Config, State>, Config> {
  return callable({ ...definition, apiVersion: 1, family: 'prompt' })
}

/** A callable module tuner. */
export function defineModuleTuner<Config, State extends TunerState>(
  definition: Omit<ModuleTuner<Config, State>, 'apiVersion' | 'family'>,
): TunerFunction<ModuleTuner<Config, State>, Config> {
  return callable({ ...definition, apiVersion: 1, family: 'module' })
}

/**
 * The tuner with a configuration that a program gives, by camelCase keys. Throws config errors: config.unknown for a key that the tuner does
 * not know, naming the nearest; config.value for a RegExp that Python cannot express.
 */
export function configure<Config>(
  tuner: TunerBase<Config>,
  given: Readonly<Record<string, unknown>>,
): ConfiguredTuner<Config> {
  return completed(tuner, given, given)
}

/**
 * The tuner with the configuration of a parsed adapter_config.json, and what a program gives over it by camelCase keys. The file may hold
 * keys of a newer version: they are named. Throws what `configure` throws, and config.unknown for a key in camelCase.
 */
export function configureFromFile<Config>(
  tuner: TunerBase<Config>,
  file: Readonly<Record<string, unknown>>,
  given: Readonly<Record<string, unknown>> = {},
): ConfiguredTuner<Config> {
  const configured = completed(tuner, { ...fromFileConfig(file, tuner), ...given }, given)
  refuseNamesOfPrograms(tuner, file, [...Object.keys(configured.config as object), ...metadataFields])
  return configured
}

// PEFT would read past them.
function refuseNamesOfPrograms(
  { kind, configKeys = {} }: Pick<TunerBase<unknown>, 'kind' | 'configKeys'>,
  file: Readonly<Record<string, unknown>>,
  fields: readonly string[],
): void {
  const ofFiles = Object.values(configKeys)
  const mistaken = Object.keys(file).find(
    (key) => fields.includes(key) && snakeCase(key) !== key && !ofFiles.includes(key),
  )
  if (mistaken === undefined) return
  throw new EspalierError('config.unknown', {
    what: 'keys of a file are in snake_case, and this one is of programs',
    got: { key: mistaken, kind },
    fix: `Write ${configKeys[mistaken] ?? snakeCase(mistaken)}`,
  })
}

function completed<Config>(
  tuner: TunerBase<Config>,
  raw: Readonly<Record<string, unknown>>,
  given: Readonly<Record<string, unknown>>,
): ConfiguredTuner<Config> {
  const { metadata, own } = splitMetadata(raw)
  const config = tuner.parse(withPatterns(own))
  const known = Object.keys(config as object)
  const unknownKeys = Object.keys(own).filter((key) => !known.includes(key))
  const mistaken = unknownKeys.find((key) => Object.hasOwn(given, key))
  if (mistaken !== undefined)
    throw new EspalierError('config.unknown', {
      what: `${tuner.kind} has no setting of this name`,
      got: { key: mistaken, kind: tuner.kind },
      fix: didYouMean(mistaken, [...known, ...metadataFields]),
    })
  return { tuner: tuner as unknown as ConfiguredTuner['tuner'], config, metadata, unknownKeys }
}

type PatternKey = 'targetModules' | 'excludeModules'

const patternKeys: readonly PatternKey[] = ['targetModules', 'excludeModules']

/** Target names given as a RegExp become the pattern that files hold. */
function withPatterns(own: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const expressions = patternKeys.flatMap((key) => {
    const value = own[key]
    return value instanceof RegExp ? [[key, toPythonPattern(value)] as const] : []
  })
  return { ...own, ...Object.fromEntries(expressions) }
}

function callable<T extends TunerBase<Config>, Config>(tuner: T): TunerFunction<T, Config> {
  if (!/^[a-z][a-z0-9_]*$/.test(tuner.kind)) {
    throw new EspalierError('config.value', {
      what: 'a tuner’s kind is lower-case letters, digits and underscores',
      got: { kind: tuner.kind },
    })
  }
  const configured = (config: ConfigInput<Config> = {}) => {
    requireParts('config', config, [], `Give ${tuner.kind} its settings by name, or nothing`)
    return configure(tuner, config as Readonly<Record<string, unknown>>)
  }
  return Object.assign(configured, tuner)
}
