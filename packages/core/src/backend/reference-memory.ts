/** What the reference executor holds between runs: weights and state, as arrays of f32 or f64; and the way into and out of them. */
import {
  type DType,
  decodeBf16,
  decodeF16,
  encodeBf16,
  encodeF16,
  type HostTensor,
  hostArray,
  isFloat,
  type Spec,
  toFloat64,
} from '../dtype.js'
import type { Values } from '../graph/op-rule.js'
import type { StateSet, WeightSet } from './backend.js'
import { checkStateWrite } from './run-arguments.js'
import { releasedSetError, unknownStateError } from './set-errors.js'

/** How f32 tensors are computed and kept. */
export type Precision = 'f32' | 'f64'

/** Frozen weights with the specs that programs read them in. */
export class ReferenceWeights implements WeightSet {
  readonly names: ReadonlySet<string>
  private released = false

  constructor(private readonly tensors: Map<string, { readonly values: Values; readonly spec: Spec }>) {
    this.names = new Set(tensors.keys())
  }

  get byteLength(): number {
    return [...this.tensors.values()].reduce((sum, { values }) => sum + values.byteLength, 0)
  }

  /** The spec of a weight; undefined when there is none. */
  specOf(name: string): Spec | undefined {
    return this.tensors.get(name)?.spec
  }

  /** The values of a weight. Throws backend.closed after release. */
  get(name: string): Values {
    if (this.released) throw releasedSetError('weights', this.names)
    return (this.tensors.get(name) as { values: Values }).values
  }

  release(): void {
    this.released = true
    this.tensors.clear()
  }
}

/** Mutable tensors. */
export class ReferenceState implements StateSet {
  readonly specs = new Map<string, Spec>()
  private readonly values = new Map<string, Values>()
  private released = false

  constructor(
    tensors: ReadonlyMap<string, HostTensor>,
    private readonly precision: Precision,
  ) {
    for (const [name, tensor] of tensors) {
      this.specs.set(name, { dtype: tensor.dtype, shape: tensor.shape })
      this.values.set(name, toValues(tensor, tensor.dtype, precision))
    }
  }

  get byteLength(): number {
    return [...this.values.values()].reduce((sum, x) => sum + x.byteLength, 0)
  }

  async read(names: readonly string[] = [...this.specs.keys()]): Promise<Map<string, HostTensor>> {
    return new Map(names.map((name) => [name, toHost(this.get(name), this.specs.get(name) as Spec)]))
  }

  async write(tensors: ReadonlyMap<string, HostTensor>): Promise<void> {
    checkStateWrite(this.specs, tensors)
    for (const [name, tensor] of tensors) {
      this.get(name)
      this.values.set(name, toValues(tensor, tensor.dtype, this.precision))
    }
  }

  /** The values of a tensor. Throws graph.slot for an unknown name, backend.closed after release. */
  get(name: string): Values {
    if (this.released) throw releasedSetError('state', this.specs.keys())
    const value = this.values.get(name)
    if (value === undefined) throw unknownStateError(name, this.specs.keys())
    return value
  }

  /** Replaces the values of tensors. */
  commit(updates: ReadonlyMap<string, Values>): void {
    for (const [name, values] of updates) this.values.set(name, values)
  }

  release(): void {
    this.released = true
    this.values.clear()
  }
}

/** Zeroed values for `size` elements of a dtype. */
export function valuesOf(dtype: DType, size: number, precision: Precision): Values {
  if (!isFloat(dtype)) return hostArray(dtype, size) as Values
  return dtype === 'f64' || precision === 'f64' ? new Float64Array(size) : new Float32Array(size)
}

/** A copy of a host tensor as values of a dtype: rounded to it when it is a smaller float, truncated when it is an integer. */
export function toValues(tensor: HostTensor, dtype: DType, precision: Precision): Values {
  if (tensor.dtype === dtype && !isFloat(dtype)) return tensor.data.slice() as Values
  const values = valuesOf(dtype, tensor.data.length, precision)
  values.set(toFloat64(tensor))
  if (tensor.dtype !== dtype) roundTo(dtype, values)
  return values
}

/** Rounds floats in place to what f16 or bf16 can hold; others stay. */
export function roundTo(dtype: DType, values: Values): void {
  if (dtype === 'f16') for (let i = 0; i < values.length; i++) values[i] = decodeF16(encodeF16(values[i] as number))
  if (dtype === 'bf16') for (let i = 0; i < values.length; i++) values[i] = decodeBf16(encodeBf16(values[i] as number))
}

/** Values as a host tensor of their spec; a copy. */
export function toHost(values: Values, { dtype, shape }: Spec): HostTensor {
  const data = hostArray(dtype, values.length)
  if (dtype === 'f16' || dtype === 'bf16') {
    const encode = dtype === 'f16' ? encodeF16 : encodeBf16
    for (let i = 0; i < data.length; i++) data[i] = encode(values[i] as number)
  } else data.set(values)
  return { dtype, shape, data }
}
