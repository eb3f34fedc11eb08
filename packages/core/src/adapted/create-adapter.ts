/** Making an adapter: completing the configuration, finding the sites, the modules saved in full and the biases that train, drawing initial values. */
import type { Model, PeftTaskType } from '../model/model.js'
import type { Adaptable } from '../module/adaptable.js'
import { parameterUses } from '../module/tree.js'
import { Random } from '../random.js'
import { Adapter } from '../tuner/adapter.js'
import type { ConfiguredTuner, LayerTuner, TargetConfig } from '../tuner/families.js'
import { type AdapterMetadata, PEFT_VERSION } from '../tuner/file-config.js'
import { createBuffers, createValues, type ExpectedTensors, type OnLate } from '../tuner/initial-values.js'
import { createShared } from '../tuner/shared-state.js'
import { allLinear, condenseTargets, findTargets, modulesOf, resolveTargets } from '../tuner/targets.js'
import { baseKeys } from './base-keys.js'
import type { BaseModel } from './base-model.js'
import { type LateValue, lateValues } from './late-values.js'
import { findSaved, savedKeys } from './saved-modules.js'
import { biasOf, findBiases } from './trained-biases.js'

/** How an adapter starts. */
export interface AddAdapterOptions {
  /** Seed of initial values. Default 0. */
  readonly seed?: number
  /** Whether its tensors train. Default: the first adapter of a model does, unless its configuration has inferenceMode; later ones once they are set. */
  readonly isTrainable?: boolean
  /** What adapter_config.json said besides the method's own keys. */
  readonly metadata?: Partial<AdapterMetadata>
  /**
   * Tensors that its values will be replaced with, by key: no initial values are drawn for them. Throws adapter.tensors when their shapes
   * are not those that the configuration asks for.
   */
  readonly expected?: ExpectedTensors
  /** Keys of the base model's own tensors that its file holds too: see `baseKeys`. */
  readonly ofBase?: readonly string[]
}

/** Modules that classification heads are; PEFT trains and saves them in full. */
const headModules: Partial<Record<PeftTaskType, readonly string[]>> = {
  SEQ_CLS: ['classifier', 'score'],
  TOKEN_CLS: ['classifier', 'score'],
  QUESTION_ANS: ['qa_outputs'],
}

/** What an adapter is made from. */
export interface AdapterRequest {
  readonly name: string
  readonly tuner: LayerTuner
  readonly configured: ConfiguredTuner
  readonly options: AddAdapterOptions
}

/** An adapter for a base model, with initial values. Throws target.none, target.unsupported, config errors. */
export function createAdapter(base: BaseModel, { name, tuner, configured, options }: AdapterRequest): Adapter {
  const { model, modelType } = base
  const metadata = completeMetadata(base, { ...configured.metadata, ...options.metadata })
  const heads = headModules[(metadata.taskType ?? '') as PeftTaskType] ?? []
  const given = retargeted(tuner, base, configured.config as TargetConfig)
  const modulesToSave =
    heads.length > 0 ? [...new Set([...(given.modulesToSave ?? []), ...heads])] : given.modulesToSave
  const resolved = condensed(
    tuner,
    model,
    resolveTargets(
      { ...given, modulesToSave },
      model,
      tuner.defaultTargets?.(modelType) ?? base.defaultTargets,
      modelType,
    ),
  )
  const found = findTargets(model, tuner, resolved)
  const sites = found.map(({ site }) => site)
  const saved = findSaved(model, modulesToSave ?? [])
  const warnings = configured.unknownKeys.map((key) => `unknown key in the configuration: ${key}`)
  const warn = (text: string) => void warnings.push(text)
  const config = (tuner.resolve?.(resolved, { modelType, modelConfig: base.config, sites, warn }) ??
    resolved) as TargetConfig
  const { biases, repeated } = findBiases(model, config, { name, sites, saved })
  if (biases.length === 0 && biasOf(config) !== 'none') warn(`bias "${biasOf(config)}" finds no bias to train`)
  for (const [key, { source }] of ownTensors(model, { sites, saved }, options.ofBase)) repeated.set(key, source)
  const copied = new Map([
    ...saved.flatMap(({ path }) => [...savedKeys(model, path)].map(([{ source }, key]) => [key, source] as const)),
    ...biases.map(({ key, parameter }) => [key, parameter.source] as const),
  ])
  const random = new Random(options.seed ?? 0)
  const layers = new Map(found.map(({ site, layer }) => [site.path, layer]))
  const late = new Map<string, LateValue>()
  const onLate: OnLate = (key, { path }, value) => void late.set(key, { value, layer: layers.get(path) as Adaptable })
  const shared = createShared({ tuner, config, sites, random, expected: options.expected })
  const values = createValues({ tuner, config, sites, random, expected: options.expected, onLate })
  const buffers = createBuffers(tuner, config, sites, onLate)
  return new Adapter(
    { name, tuner, config, metadata, sites, saved, biases, repeated, warnings, frozen: shared.frozen },
    new Map([...values, ...shared.values]),
    new Map([...buffers, ...shared.buffers]),
    copied,
    lateValues(late),
  )
}

function ownTensors(model: Model, parts: Pick<Adapter, 'sites' | 'saved'>, named: readonly string[] = []) {
  return named.length === 0 ? [] : [...baseKeys(model, parts)].filter(([key]) => named.includes(key))
}

function retargeted(tuner: LayerTuner, { model, modelType }: BaseModel, config: TargetConfig): TargetConfig {
  if (tuner.retarget === undefined) return config
  const pathsOf = (all: readonly { readonly path: string }[]) => all.map(({ path }) => path)
  return tuner.retarget(config, {
    modelType,
    modulePaths: pathsOf(modulesOf(model)),
    parameterPaths: pathsOf(parameterUses(model)),
    linearPaths: allLinear(model),
  })
}

function condensed(tuner: LayerTuner, model: Model, config: TargetConfig): TargetConfig {
  if (!Array.isArray(config.targetModules) || tuner.keepsTargets === true) return config
  const paths = modulesOf(model).flatMap((module) => module.paths)
  return { ...config, targetModules: condenseTargets(config.targetModules, paths) }
}

function completeMetadata(
  { model, modelType, nameOrPath, revision }: BaseModel,
  given: Partial<AdapterMetadata> = {},
): AdapterMetadata {
  const taskType = given.taskType ?? null
  return {
    taskType,
    baseModelNameOrPath: given.baseModelNameOrPath ?? nameOrPath,
    revision: given.revision ?? revision,
    inferenceMode: given.inferenceMode ?? false,
    autoMapping:
      given.autoMapping ??
      (taskType === null
        ? { base_model_class: model.className, parent_library: `transformers.models.${libraryOf(modelType)}` }
        : null),
    peftVersion: PEFT_VERSION,
  }
}

// The folders of these types are named otherwise. Source: transformers' SPECIAL_MODEL_TYPE_TO_MODULE_NAME.
const folders: Readonly<Record<string, string>> = { 'openai-gpt': 'openai', gemma3_text: 'gemma3' }

function libraryOf(modelType: string): string {
  const family = folders[modelType] ?? modelType.replaceAll('-', '_')
  return `${family}.modeling_${family}`
}
