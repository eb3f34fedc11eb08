/** Layers without a model, to pack: each a kind, a shape and floats, and a checkpoint that holds what was packed. */
import {
  type ComputeDType,
  type HostTensor,
  hostTensor,
  joinPath,
  type LayerKind,
  memorySource,
  Parameter,
  Random,
  type Shape,
  type Spec,
  type StoredTensor,
  sizeOf,
  type WeightSite,
} from '@espalier/core'

/** A layer to pack. */
export interface QuantizerSite {
  readonly kind: LayerKind
  /** In the file's order: (out, in), of a Conv1D (in, out), of an embedding (rows, size). */
  readonly shape: Shape
}

/** The path of every layer. */
export const PATH = 'model.layers.3.proj'

const DEVIATION = 0.05 // of a layer's weights, as models have them

/** Floats of a layer: normal, with one value in each hundred ten times as large. */
export function floatsOf({ shape }: QuantizerSite, seed = 0): HostTensor {
  const values = new Random(7 + seed).at(shape.join()).normal(sizeOf(shape), DEVIATION)
  return hostTensor(
    'f32',
    shape,
    values.map((value, i) => (i % 100 === 42 ? 10 * value : value)),
  )
}

/** The site of a layer of which a checkpoint holds floats. */
export function floatSite(
  layer: QuantizerSite,
  floats: HostTensor = floatsOf(layer),
  more: Partial<WeightSite> = {},
): WeightSite {
  return siteOf(layer, new Map([['weight', memorySource(floats)]]), more)
}

/** The site of a layer of which a checkpoint holds these tensors, by the rest of their names. */
export function siteOf(
  { kind, shape }: QuantizerSite,
  tensors: ReadonlyMap<string, StoredTensor>,
  more: Partial<WeightSite> = {},
): WeightSite {
  const dtype: ComputeDType = more.dtype ?? 'f32'
  const stored = (name: string, spec: Spec) => {
    const path = joinPath(PATH, name)
    return new Parameter(path, spec.dtype, spec.shape, tensors.get(name) ?? missing(path, spec))
  }
  return {
    path: PATH,
    kind,
    shape,
    dtype,
    tensors,
    isOutput: false,
    staysFloat: false,
    floats: () => stored('weight', { dtype, shape }),
    stored,
    ...more,
  }
}

function missing(path: string, spec: Spec): StoredTensor {
  return { ...spec, read: () => Promise.reject(new Error(`the checkpoint has no ${path}`)) }
}
