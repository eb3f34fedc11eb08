/** What reads packed weights of a checkpoint, or packs floats as they are read: a plugin value, which knows no models and no tuners. */
import type { ComputeDType, Spec } from '../dtype.js'
import type { ParameterSource } from '../parameter-source.js'
import type { Shape } from '../shape.js'
import type { LayerKind } from './adaptable.js'
import type { Parameter } from './parameter.js'
import type { Weight } from './weight.js'

/** A tensor that a checkpoint holds. */
export interface StoredTensor extends ParameterSource {
  /** Its bytes, where the quantizer asked for them before the tree is built. */
  readonly bytes?: Uint8Array
}

/** A layer whose weight is wanted, and what its checkpoint holds for it. */
export interface WeightSite {
  /** Of the layer: `model.layers.0.self_attn.q_proj`. */
  readonly path: string
  readonly kind: LayerKind
  /** Of the floats, in the file's order: (out, in), of a Conv1D (in, out), of an embedding (rows, size). */
  readonly shape: Shape
  /** What the model computes in: the dtype of the weight and of its `value()`. */
  readonly dtype: ComputeDType
  /** The checkpoint's tensors below the path by the rest of their names: `weight`, `weight.absmax`, `SCB`, `bias`. */
  readonly tensors: ReadonlyMap<string, StoredTensor>
  /** Whether it is one of the model's output layers, which transformers leaves in floats unless it is told which layers to leave. */
  readonly isOutput: boolean
  /** Whether it is never packed: the checkpoint has no weight for it, or its family computes it in floats whatever the rest is in. */
  readonly staysFloat: boolean
  /** The weight as plain floats. Not in the checkpoint, or of another shape: a fault, with which the building ends. */
  floats(): Parameter
  /** The tensor of this name as programs see it, codes in a dtype of their own. Faults as of `floats`. What nobody asks for is not saved again. */
  stored(name: string, spec: Spec): Parameter
}

/** Makes weights that are not plain floats. Undefined: plain floats. */
export type WeightFactory = (site: WeightSite) => Weight | undefined

/** A way of storing weights in fewer bits. */
export interface Quantizer {
  /** `quant_method` in config.json of the checkpoints that it reads: `bitsandbytes`. */
  readonly method: string
  /** Whether the bytes of a small tensor of this name say how weights are packed, and are read before the tree is built. Absent: of none. */
  describes?(name: string): boolean
  /**
   * The factory for a checkpoint. config: its `quantization_config`, null where the weights are floats. Undefined: such a checkpoint is not
   * its own, which of floats means that they stay floats. Throws model.quantized for settings that it cannot read.
   */
  weights(config: Readonly<Record<string, unknown>> | null): WeightFactory | undefined
  /**
   * `quantization_config` for config.json of a model of which it packed floats, so that it is read again once saved. kept: paths of linear
   * layers that stayed floats. Absent: such a model says nothing of it.
   */
  fileConfig?(kept: readonly string[]): Readonly<Record<string, unknown>>
}
