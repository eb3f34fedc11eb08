/** A model family as a value: what config.json's `model_type` selects. */
import type { ParameterScope } from '../module/scope.js'
import type { Model, TaskType } from './model.js'

/** config.json as it was parsed; each family checks the keys that it reads. */
export type ModelConfig = Readonly<Record<string, unknown>>

/** Builds a family's module trees. Paths of modules and parameters are Hugging Face's. */
export interface Architecture {
  readonly modelType: string
  readonly tasks: readonly TaskType[]
  /** Tasks that transformers names a class of this family for and that have no head here -> what to use instead. */
  readonly absentHeads?: Readonly<Partial<Record<TaskType, string>>>
  /** Path of the bare model inside the models with a head, `model` or `bert`; a checkpoint may have it or not. */
  readonly baseModelPrefix: string
  /** The same by task, where transformers has the bare model under another name in that head's class; empty where its parts stand beside the head. */
  readonly taskPrefixes?: Readonly<Partial<Record<TaskType, string>>>
  /** PEFT's default target modules of LoRA and its relatives; empty where it has none. */
  readonly defaultTargets: readonly string[]
  /** Names of layers that stay floats in quantized models: transformers' `_keep_in_fp32_modules`. */
  readonly floatLayers?: readonly string[]
  /** Names of parameters in older files, `LayerNorm.gamma`, as the names of this family's model for the task. */
  renameParameter?(name: string, task?: TaskType): string
  /** Throws config.value and model.unsupported for configs it cannot build. The caller checks the scope afterwards. */
  build(config: ModelConfig, scope: ParameterScope, task: TaskType): Model
}
