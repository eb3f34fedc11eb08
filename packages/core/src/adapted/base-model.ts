/** A loaded base model as adapters see it, and what a trainer needs of any model. */
import type { HostTensor } from '../dtype.js'
import type { Tensor } from '../graph/tensor.js'
import type { ModelConfig } from '../model/architecture.js'
import type { Model } from '../model/model.js'
import type { StepAccess } from '../tuner/families.js'

/** A pretrained model without adapters. */
export interface BaseModel {
  readonly model: Model
  /** config.json's model_type. */
  readonly modelType: string
  readonly config: ModelConfig
  /** Hub id or folder; null for a model made from a config. */
  readonly nameOrPath: string | null
  /** The resolved commit, when it came from the hub. */
  readonly revision: string | null
  /** The architecture's default target modules. */
  readonly defaultTargets: readonly string[]
}

/** A model with something to train: the trainer traces the tree, holds the state during the run and commits it back. */
export interface TrainableModel {
  /** The tree to trace; what trains is Parameters in state slots. */
  readonly model: Model
  /** Values of state slots that train. Read when a run starts. */
  trainable(): Promise<ReadonlyMap<string, HostTensor>>
  /** Values of state slots that do not train. Asked for after `trainable`, which may have to read them. */
  fixed(): ReadonlyMap<string, HostTensor>
  /** Takes trained values over, by slot. */
  commit(values: ReadonlyMap<string, HostTensor>): void
  /** A scalar of state alone, added to the mean loss of every step, once; undefined when there is none. */
  penalty?(): Tensor | undefined
  /** Follows every optimizer step; names are slots. Absent when nothing does. */
  afterStep?(access: StepAccess): Promise<void>
  /** Configurations as following steps left them, by adapter; what a checkpoint holds of them. Absent when nothing follows steps. */
  configurations?(): Readonly<Record<string, object>>
  /** Takes configurations over that `configurations` gave. Throws config.* for others. */
  setConfigurations?(configurations: Readonly<Record<string, object>>): void
}
