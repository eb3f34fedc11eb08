/**
 * Families of tuners, one interface each, chosen by type. A layer tuner changes layers; a prompt tuner changes inputs; a module tuner
 * replaces or adds modules. A tuner is a value; its kind is an open string.
 */
import type { HostTensor } from '../dtype.js'
import type { Tensor } from '../graph/tensor.js'
import type { ModelConfig } from '../model/architecture.js'
import type { Adaptable, LayerKind } from '../module/adaptable.js'
import type { Context } from '../module/context.js'
import type { Module } from '../module/module.js'
import type { Random } from '../random.js'
import type { Shape } from '../shape.js'
import type { AdapterMetadata } from './file-config.js'

/** Fields that core reads from a layer tuner's configuration, when it has them. Semantics are PEFT's. */
export interface TargetConfig {
  /** Names (the whole path or its end), a regular expression that matches the whole path, or 'all-linear'. Null: the model type's default. */
  readonly targetModules?: readonly string[] | string | null
  readonly excludeModules?: readonly string[] | string | null
  readonly layersToTransform?: readonly number[] | number | null
  readonly layersPattern?: readonly string[] | string | null
  /** Ends of paths of modules that are trained and saved in full. */
  readonly modulesToSave?: readonly string[] | null
  /** Biases of the base model that train and are saved: 'none', 'all', or those of targeted layers by the method's own word, such as 'lora_only'. */
  readonly bias?: string
}

/** What core reads besides, of tuners that adapt parameters which are no layer's. */
export interface ParameterTargetConfig extends TargetConfig {
  /** Paths of parameters or their ends: `experts.gate_up_proj`, `gate.weight`. */
  readonly targetParameters?: readonly string[] | null
}

/** One matched layer, for tuners. */
export interface Site {
  /** The module's path; of a shared module the first. */
  readonly path: string
  readonly paths: readonly string[]
  readonly kind: LayerKind
  readonly inSize: number
  readonly outSize: number
  readonly hasBias: boolean
  /** What a parameter of a module has that is no layer. */
  readonly parameter?: ParameterSite
}

/** A matched parameter: a matrix (out, in), or one for each of several experts (experts, out, in). `Site.path` is its own. */
export interface ParameterSite {
  /** 1 of a matrix. */
  readonly experts: number
  /** What its keys in files begin with: its module's path and, as PEFT nests wrappers, a `base_layer` for each matched parameter behind it in its module. */
  readonly filePath: string
}

/** A site's tensors by the tuner's own names, as stored values or as graph tensors. */
export type TunerState<T = Tensor> = Readonly<Record<string, T>>

/** Something for each tensor that a layer trains: for all of its state but the held names. */
export type OfOwn<State, Held, Value> = { readonly [K in keyof State as Exclude<K, Held>]: Value }

/** A base layer's values on the host: the weight (out, in), or an embedding's (rows, size), and the bias, as f32. */
export interface BaseValues {
  readonly weight: HostTensor
  readonly bias: HostTensor | undefined
}

/**
 * A value that starts from the base layer's weight. It is computed when values are needed first, and never where a file has it; one
 * layer's weight is in memory at a time. DoRA: `{ shape: [site.outSize], from: ({ weight }) => rowNorms(weight) }`.
 */
export interface FromWeight {
  readonly shape: Shape
  /** An f32 tensor of that shape. */
  from(base: BaseValues): HostTensor | Promise<HostTensor>
}

/** What a tensor starts with. */
export type InitialValue = HostTensor | FromWeight

/** What `create` is given. The generator belongs to the site: draw by name, `random.at('A')`. */
export interface CreateContext<Config> {
  readonly site: Site
  readonly config: Config
  readonly random: Random
}

/** State of an adapter as a whole, which every site's `state` has under its names: VeRA's projections, a bank of vectors. */
export interface SharedState<Config> {
  /** Names of its tensors in the adapter file, behind `base_model.`: 'vera_A'. What has none is not saved, so only the configuration may decide it. */
  readonly fileKeys: Readonly<Record<string, string>> | ((config: Config) => Readonly<Record<string, string>>)
  /** Whether it trains, and then all of it is saved. Default false. */
  readonly trains?: boolean
  create(context: {
    readonly sites: readonly Site[]
    readonly config: Config
    readonly random: Random
  }): Readonly<Record<string, HostTensor>>
}

/** What `forward` is given. Every float is f32, also over a base that computes in f16: core casts on the way in and out, a tuner never. */
export interface ForwardContext<Config, State> {
  /** The layer's input: (..., in); of an embedding: ids. */
  readonly x: Tensor
  /** The layer below: the base layer, or the base with other active adapters. */
  inner(x: Tensor): Tensor
  /** The base layer; its weight in f32. */
  readonly layer: Adaptable
  readonly state: State
  readonly config: Config
  readonly site: Site
  readonly context: Context
}

/** What `merge` is given: the layer's weight, (out, in) or an embedding's (rows, size), and its bias, in f32. */
export interface MergeContext<Config, State> {
  readonly weight: Tensor
  readonly bias: Tensor | undefined
  readonly state: State
  readonly config: Config
  readonly site: Site
}

/** What `penalty` is given: all layers of the adapter with their tensors. */
export interface PenaltyContext<Config, State> {
  readonly config: Config
  readonly layers: readonly { readonly site: Site; readonly state: State }[]
}

/** What trains, as an optimizer step left it: by the trainer's slots, or by an adapter's keys. */
export interface StepAccess {
  /** Steps done, this one among them. */
  readonly step: number
  /** Values on the host; all when no names are given. */
  read(names?: readonly string[]): Promise<ReadonlyMap<string, HostTensor>>
  /** Gradients as the optimizer saw them: normalised and clipped. */
  gradients(names?: readonly string[]): Promise<ReadonlyMap<string, HostTensor>>
  /** Sets values that the next step starts from. */
  write(values: ReadonlyMap<string, HostTensor>): Promise<void>
  /** What is kept from step to step: empty before the first, of this run alone. */
  readonly memory: Map<string, HostTensor>
}

/** What `afterStep` is given; names are keys of the adapter's values: `<module path>.lora_E`. */
export interface AfterStepContext<Config> extends StepAccess {
  readonly config: Config
  readonly sites: readonly Site[]
}

/** A merged weight, alone or with a bias. */
export type Merged = Tensor | { readonly weight: Tensor; readonly bias?: Tensor | undefined }

/** What is known of the model when a configuration is completed. */
export interface ResolveContext {
  readonly modelType: string
  readonly modelConfig: ModelConfig
  readonly sites: readonly Site[]
  /** Says something that the user should know; it ends in the adapter's warnings. */
  warn(text: string): void
}

/** What is known of the model before targets are looked for. */
export interface RetargetContext {
  readonly modelType: string
  /** Paths of modules, and of all parameters. */
  readonly modulePaths: readonly string[]
  readonly parameterPaths: readonly string[]
  /** What 'all-linear' stands for. */
  readonly linearPaths: readonly string[]
}

/** A tensor of an adapter's file, not read yet. */
export interface FileTensor {
  readonly shape: Shape
  read(): Promise<HostTensor>
}

/** What every family has in common. */
export interface TunerBase<Config> {
  readonly apiVersion: 1
  /** Lower-case name; in upper case it is PEFT's `peft_type`. */
  readonly kind: string
  /**
   * Completes and checks a configuration given with camelCase keys. Throws config.value, config.unsupported. Keys that it does not return are
   * unknown: a program's are refused, a file's become warnings.
   */
  parse(raw: Readonly<Record<string, unknown>>): Config
  /** Keys of adapter_config.json that are not the snake_case of their fields: `{ deltaT: 'deltaT', applyGS: 'apply_GS' }`. */
  readonly configKeys?: Readonly<Record<string, string>>
  /** Keys of adapter_config.json, at any depth, whose numbers Python holds as floats: a whole one is written as 8.0. */
  readonly floatKeys?: readonly string[]
}

/**
 * Changes layers: LoRA and most others. `merge` is the definition; `forward` is an optional faster way to the same output. `Held` names
 * what a layer's state has besides what it trains and saves: buffers, and what all layers share.
 */
// biome-ignore-start lint/suspicious/noExplicitAny: a tuner's own types are invariant; collections of tuners hold any
export interface LayerTuner<Config = any, State extends TunerState = any, Held extends keyof State = any>
  extends TunerBase<Config> {
  // biome-ignore-end lint/suspicious/noExplicitAny: the same
  readonly family: 'layer'
  /** Kinds of layers that it adapts; linear and conv1d when left out. */
  readonly layers?: readonly LayerKind[]
  /** Default targets of a model type, as `targetModules` takes them; when left out, or undefined, the architecture's. */
  defaultTargets?(modelType: string): readonly string[] | string | undefined
  /** Other targets in the place of those given, before any is looked for: older names of layers. */
  retarget?(config: Config, context: RetargetContext): Config
  /**
   * Tensors of a file, by path in the base model and name, with those under older names of layers as today's; `retarget` does the same for
   * the configuration. Throws adapter.tensors where they do not fit together.
   */
  fromOlderFile?(tensors: ReadonlyMap<string, FileTensor>, modelType: string): ReadonlyMap<string, FileTensor>
  /** Whether long lists of targets are saved as they are. Otherwise they are condensed to the ends that match the same modules. */
  readonly keepsTargets?: boolean
  /** Completes the configuration once the sites are known; returns the configuration that is saved. */
  resolve?(config: Config, context: ResolveContext): Config
  /** Names of the tensors in the adapter file, below the module's path: 'lora_A.weight'. */
  readonly fileKeys: OfOwn<State, Held, string> | ((site: Site, config: Config) => OfOwn<State, Held, string>)
  /** Initial values of what trains. */
  create(context: CreateContext<Config>): OfOwn<State, Held, InitialValue>
  /** State that does not train and is not saved, such as a scale; part of `state` under its names. */
  buffers?(context: Omit<CreateContext<Config>, 'random'>): TunerState<InitialValue>
  /** State that all sites have together. */
  readonly shared?: SharedState<Config>
  /** The adapted weight; absent when the method cannot be merged, and then `forward` is needed. */
  merge?(context: MergeContext<Config, State>): Merged
  forward?(context: ForwardContext<Config, State>): Tensor
  /** A scalar added to the mean loss of every training step, once, however many micro-batches it has; undefined where there is none. */
  penalty?(context: PenaltyContext<Config, State>): Tensor | undefined
  /**
   * Follows every optimizer step on the host; returns the configuration that holds from then on. That may change what is saved, not
   * what `merge` and `forward` compute.
   */
  afterStep?(context: AfterStepContext<Config>): Promise<Config>
  /** What the file holds of a layer's tensors, by their names, where it is not all of them: AdaLoRA leaves out what it pruned. */
  toFile?(context: {
    readonly site: Site
    readonly config: Config
    readonly values: TunerState<HostTensor>
  }): TunerState<HostTensor>
}

/** Changes what the model reads: virtual tokens before the input, or keys and values before the cache. */
// biome-ignore lint/suspicious/noExplicitAny: as above
export interface PromptTuner<Config = any, State extends TunerState = any> extends TunerBase<Config> {
  readonly family: 'prompt'
  readonly virtualTokens: (config: Config) => number
  create(context: { readonly config: Config; readonly modelConfig: ModelConfig; readonly random: Random }): {
    readonly [K in keyof State]: HostTensor
  }
  /** Embeddings to put before the input (virtual tokens, hidden), or keys and values by layer. */
  prompt(context: {
    readonly state: State
    readonly config: Config
    readonly context: Context
  }):
    | { readonly embeddings: Tensor }
    | { readonly keyValues: readonly { readonly key: Tensor; readonly value: Tensor }[] }
}

/** Replaces or adds whole modules: bottleneck adapters, LN tuning, trainable tokens. */
// biome-ignore lint/suspicious/noExplicitAny: as above
export interface ModuleTuner<Config = any, State extends TunerState = any> extends TunerBase<Config> {
  readonly family: 'module'
  matches(module: Module, path: string, config: Config): boolean
  create(context: {
    readonly module: Module
    readonly path: string
    readonly config: Config
    readonly random: Random
  }): { readonly [K in keyof State]: HostTensor }
  replace(context: {
    readonly module: Module
    readonly path: string
    readonly state: State
    readonly config: Config
  }): Module
}

/** Any tuner. */
export type Tuner = LayerTuner | PromptTuner | ModuleTuner

/** A tuner with its checked configuration: what `lora({ r: 8 })` is. */
export interface ConfiguredTuner<Config = unknown> {
  readonly tuner: Tuner
  readonly config: Config
  /** Fields of every method that were given: taskType, revision... */
  readonly metadata: Partial<AdapterMetadata>
  /** Keys of a file that the tuner does not know; a program's are refused. */
  readonly unknownKeys: readonly string[]
}
