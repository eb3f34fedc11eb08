/**
 * Collects the ONNX nodes and constants of one program while the op tables walk its graph. It knows how core's dtypes are held:
 * f16 and bf16 as f32 that is rounded after every computation, the rest as themselves. Order is left to schedule.ts.
 */
import { broadcastShapes, type DType, type HostArray, type Shape, sameShape, sizeOf, type Tensor } from '@espalier/core'
import type { OnnxAttribute, OnnxInitializer, OnnxNode, OnnxType } from '../model/onnx-model.js'

/**
 * A value of the ONNX graph. Its shape may be smaller than the tensor's that it stands for: it then repeats by broadcasting. Or it is the
 * tensor's as a matrix of its rows, (all leading axes, last axis), as products make and read it.
 */
export interface Value {
  readonly name: string
  readonly shape: Shape
}

/** What a node is made of beside its inputs. */
export interface NodeParts {
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>
  readonly domain?: string
  /** Number of outputs; 1 when left out. */
  readonly outputs?: number
}

/** A mask of kept elements (bool, flat) that the host makes for every run from a fed seed. */
export interface HostMask {
  readonly name: string
  readonly seed: string
  readonly site: number
  readonly threshold: number
  readonly count: number
}

/** Contributed operators of ONNX Runtime. */
export const CONTRIB = 'com.microsoft'

/** How ONNX holds a dtype inside the graph. */
export function held(dtype: DType): OnnxType {
  return dtype === 'f16' || dtype === 'bf16' ? 'f32' : dtype
}

/** Integer attributes, by name. */
export function ints(attributes: Readonly<Record<string, number>>): Record<string, OnnxAttribute> {
  return Object.fromEntries(Object.entries(attributes).map(([name, int]) => [name, { int }]))
}

/** The shape of a tensor as a matrix of its rows. */
export function rowsOf(shape: Shape): Shape {
  const columns = shape[shape.length - 1] as number
  return [shape.slice(0, -1).reduce((a, b) => a * b, 1), columns]
}

const typeNumbers: { readonly [K in OnnxType]: number } = {
  f32: 1,
  u8: 2,
  i8: 3,
  i32: 6,
  i64: 7,
  bool: 9,
  f16: 10,
  f64: 11,
  u32: 12,
  bf16: 16,
}

const ELEMENT_BYTES: { readonly [K in OnnxType]: number } = {
  f32: 4,
  f64: 8,
  i32: 4,
  u32: 4,
  i64: 8,
  u8: 1,
  i8: 1,
  bool: 1,
  f16: 2,
  bf16: 2,
}

/** The graph under construction. */
export class Emitter {
  readonly nodes: OnnxNode[] = []
  readonly initializers = new Map<string, OnnxInitializer>()
  readonly masks: HostMask[] = []
  private readonly values = new Map<Tensor, Value>()
  private readonly storedValues = new Map<Tensor, string>()
  private readonly expanded = new Map<Tensor, string>()
  private readonly known = new Map<string, string>()
  private readonly lists = new Map<string, string>()
  /** Values in other shapes: whose memory they show, and each value's known views by shape. */
  private readonly viewed = new Map<string, string>()
  private readonly views = new Map<string, Map<string, string>>()
  private readonly computed = new Set<string>()
  /** Bytes of the values that stand for tensors; small ones inside an op are not counted. */
  readonly bytes = new Map<string, number>()
  private scope = 'program'
  private count = 0

  /** Sets the name that nodes emitted from now on carry in profiles and errors. */
  enter(scope: string): void {
    this.scope = scope
  }

  /** Adds a node; the names of its outputs. */
  node(op: string, inputs: readonly string[], { attributes = {}, domain = '', outputs = 1 }: NodeParts = {}): string[] {
    const id = this.count++
    const names = Array.from({ length: outputs }, (_, i) => `v${id}${i === 0 ? '' : `_${i}`}`)
    this.nodes.push({ op, domain, inputs, outputs: names, attributes, name: `${this.scope}#${id}` })
    for (const name of names) this.computed.add(name)
    return names
  }

  /** Whether a node makes this value. */
  isComputed(name: string): boolean {
    return this.computed.has(name)
  }

  /** Adds a node with one output. */
  one(op: string, inputs: readonly string[], attributes: NodeParts['attributes'] = {}, domain = ''): string {
    return this.node(op, inputs, { attributes, domain })[0] as string
  }

  /** A mask that the host makes: a graph input. */
  mask(mask: Omit<HostMask, 'name'>): string {
    const name = `m${this.count++}`
    this.masks.push({ name, ...mask })
    return name
  }

  /** A constant held in the model; equal ones are shared. */
  constant(type: OnnxType, shape: Shape, data: HostArray | BigInt64Array): string {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    const key = bytes.byteLength <= 64 ? `${type}[${shape.join(',')}]${bytes.join(',')}` : undefined // longer ones are rarely equal
    const found = key === undefined ? undefined : this.known.get(key)
    if (found !== undefined) return found
    const name = `c${this.count++}`
    this.initializers.set(name, { name, type, shape, data: bytes })
    if (key !== undefined) this.known.set(key, name)
    return name
  }

  /** A list of whole numbers as a 64-bit constant: shapes, axes, starts. */
  list(values: readonly number[]): string {
    const key = values.join(',')
    const known = this.lists.get(key)
    if (known !== undefined) return known
    const name = this.constant('i64', [values.length], BigInt64Array.from(values, BigInt))
    this.lists.set(key, name)
    return name
  }

  /** One number of a core dtype, as it is held. */
  scalar(dtype: DType | 'i64', value: number): string {
    if (dtype === 'i64') return this.constant('i64', [], BigInt64Array.of(BigInt(value)))
    const type = held(dtype)
    if (type === 'f32') return this.constant(type, [], Float32Array.of(value))
    if (type === 'f64') return this.constant(type, [], Float64Array.of(value))
    if (type === 'i32') return this.constant(type, [], Int32Array.of(value))
    if (type === 'u32') return this.constant(type, [], Uint32Array.of(value))
    return this.constant(type, [], type === 'i8' ? Int8Array.of(value) : Uint8Array.of(value))
  }

  /** A value as another element type. */
  cast(name: string, to: OnnxType): string {
    return this.one('Cast', [name], ints({ to: typeNumbers[to] }))
  }

  /** A computed value rounded to what a 16-bit dtype can hold; unchanged for other dtypes. */
  rounded(name: string, dtype: DType): string {
    return dtype === 'f16' || dtype === 'bf16' ? this.cast(this.cast(name, dtype), 'f32') : name
  }

  /** A value in another shape, without a copy: the same one for every use, and of a view the value that it shows. `own`: its present shape. */
  reshaped(name: string, own: Shape, shape: Shape): string {
    const source = this.viewed.get(name) ?? name
    const views = this.views.get(source) ?? new Map([[own.join(','), name]])
    this.views.set(source, views)
    const key = shape.join(',')
    const known = views.get(key)
    if (known !== undefined) return known
    const view = this.one('Reshape', [source, this.list(shape)])
    this.viewed.set(view, source)
    views.set(key, view)
    return view
  }

  /** Notes which value stands for a tensor. */
  set(tensor: Tensor, name: string, shape: Shape = tensor.shape): void {
    this.values.set(tensor, { name, shape })
    if (this.computed.has(name)) this.bytes.set(name, sizeOf(shape) * ELEMENT_BYTES[held(tensor.dtype)])
  }

  /** Notes a tensor that lies in 16 bits: every use widens it anew, so that no widened copy outlives the node that reads it. */
  setStored(tensor: Tensor, name: string): void {
    this.storedValues.set(tensor, name)
  }

  /** The 16-bit value of a tensor noted by `setStored`. */
  stored(tensor: Tensor): string | undefined {
    return this.storedValues.get(tensor)
  }

  /** Whether a value stands for the tensor already. */
  has(tensor: Tensor): boolean {
    return this.values.has(tensor)
  }

  /** The value of a tensor, possibly smaller than the tensor. */
  value(tensor: Tensor): Value {
    const value = this.values.get(tensor)
    if (value !== undefined) return value
    const stored = this.storedValues.get(tensor)
    if (stored !== undefined) return { name: this.cast(stored, 'f32'), shape: tensor.shape }
    const empty = this.constant(held(tensor.dtype), tensor.shape, new Uint8Array(0))
    return { name: empty, shape: tensor.shape }
  }

  /** The value of a tensor in the tensor's own shape. */
  full(tensor: Tensor): string {
    const { name, shape } = this.value(tensor)
    if (sameShape(shape, tensor.shape)) return name
    const known = this.expanded.get(tensor)
    if (known !== undefined) return known
    const own =
      sizeOf(shape) === sizeOf(tensor.shape) ? this.reshaped(name, shape, tensor.shape) : this.expand(name, tensor)
    this.expanded.set(tensor, own)
    return own
  }

  /** The value of a tensor in another shape of as many elements, without a copy. */
  inShape(tensor: Tensor, shape: Shape): string {
    const value = this.value(tensor)
    return sizeOf(value.shape) === sizeOf(tensor.shape)
      ? this.reshaped(value.name, value.shape, shape)
      : this.reshaped(this.full(tensor), tensor.shape, shape)
  }

  /** Whether the value of a tensor is the matrix of its rows where that does not broadcast as the tensor does. */
  isInRows(tensor: Tensor): boolean {
    const shape = this.values.get(tensor)?.shape
    return shape !== undefined && tensor.shape.length > 2 && sameShape(shape, rowsOf(tensor.shape))
  }

  /** The values of what broadcasts to `y`, so that they broadcast as they are: where one is a matrix of y's rows, all are. */
  aligned(tensors: readonly Tensor[], y: Tensor): Value[] {
    if (!tensors.some((x) => this.isInRows(x))) return tensors.map((x) => this.value(x))
    const leading = y.shape.slice(0, -1)
    const isRepeated = (x: Tensor) => this.value(x).shape.length <= 1
    const hasRows = (x: Tensor) => x.shape.length > 2 && sameShape(x.shape.slice(0, -1), leading)
    const fit = tensors.every((x) => isRepeated(x) || hasRows(x))
    return tensors.map((x) => {
      if (fit && isRepeated(x)) return this.value(x)
      const shape = fit ? rowsOf(x.shape) : x.shape
      return { name: this.inShape(x, shape), shape }
    })
  }

  /** Notes the result of an op that broadcasts its inputs by itself: it is as small as they are. */
  setBroadcast(tensor: Tensor, name: string, inputs: readonly Value[]): void {
    this.set(
      tensor,
      name,
      inputs.map((x) => x.shape).reduce((a, b) => broadcastShapes(a, b, 'emit')),
    )
  }

  // The kernels for Expand and ConstantOfShape lack some small types; bool and bytes pass as they are.
  private expand(name: string, tensor: Tensor): string {
    return this.one('Expand', [name, this.list(tensor.shape)])
  }
}
