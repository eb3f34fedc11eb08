/**
 * Places the tensors of one program and collects its steps. It knows nothing of ops; op-steps.ts and call-steps.ts do. A program that
 * cannot be a packed one is left to ONNX Runtime: whatever does not fit throws `NotPacked`.
 */
import { type DType, hostTensor, isOp, type Shape, sizeOf, type Tensor, toFloat64 } from '@espalier/core'
import type { PackedInput, PackedPlan, PackedStep, PackedWeight, Place } from './packed-plan.js'

/** Thrown for a program that packed kernels do not cover; never leaves this folder. */
export class NotPacked extends Error {}

/** The host's number of a weight in its memory; undefined when it lies elsewhere. */
export type HeldWeight = (slot: string) => number | undefined

const ALIGNMENT = 16 // elements: tensors begin with a line of the cache
const SLACK = 8 // elements past the end that kernels of 4 or 8 lanes may read

/** The program under construction. */
export class Planner {
  readonly steps: PackedStep[] = []
  readonly feeds: PackedInput[] = []
  readonly state: PackedInput[] = []
  private readonly weights: PackedWeight[] = []
  private readonly constants: { y: Place; data: Float32Array | Int32Array }[] = []
  private readonly places = new Map<Tensor, Place>()
  private readonly inputs = new Map<string, Place>()
  private size = 0

  constructor(private readonly heldWeight: HeldWeight) {}

  /** Adds a step. */
  step(op: string, parts: Readonly<Record<string, unknown>>): void {
    this.steps.push({ op, ...parts })
  }

  /** Room for so many elements. */
  room(count: number): Place {
    const offset = this.size
    this.size += Math.ceil((count + SLACK) / ALIGNMENT) * ALIGNMENT
    return { space: 'arena', offset }
  }

  /** A new place for a computed tensor. */
  make(x: Tensor): Place {
    elementOf(x.dtype)
    const place = this.room(sizeOf(x.shape))
    this.places.set(x, place)
    return place
  }

  /** Says that a tensor lies where another does. */
  alias(x: Tensor, place: Place): void {
    this.places.set(x, place)
  }

  /** Where a tensor lies. Weights among them lie as they are. */
  at(x: Tensor): Place {
    const known = this.places.get(x)
    if (known !== undefined) return known
    const { node } = x
    if (isOp(node, 'input')) return this.input(x, node.attrs.slot, node.attrs.name)
    if (isOp(node, 'constant')) return this.constant(x, 'data' in node.attrs ? node.attrs.data : node.attrs.value)
    throw new NotPacked('a tensor was not placed')
  }

  /** Where a weight lies packed, as a matrix (rows, columns). */
  packedWeight(x: Tensor, rows: number, columns: number, transposed: boolean): Place {
    return this.weight(x, { packed: true, rows, columns, transposed })
  }

  /** Fixes what lies at a place. */
  fill(y: Place, data: Float32Array | Int32Array): void {
    this.constants.push({ y, data })
  }

  /** The plan of all that was added. */
  plan(program: string, rest: Pick<PackedPlan, 'outputs' | 'updates'>): PackedPlan {
    const { size, weights, constants, feeds, state, steps } = this
    return { program, size, weights, constants, feeds, state, steps, ...rest }
  }

  /** Whether any product reads packed weights. */
  get isWorthwhile(): boolean {
    return this.weights.some(({ packed }) => packed)
  }

  private input(x: Tensor, slot: 'weight' | 'state' | 'feed', name: string): Place {
    if (slot === 'weight')
      return this.weight(x, { packed: false, rows: 1, columns: sizeOf(x.shape), transposed: false })
    const key = `${slot} ${name}`
    const known = this.inputs.get(key)
    if (known !== undefined) return known
    const bool = elementOf(x.dtype) === 'bool'
    const count = sizeOf(x.shape)
    const place = this.room(count)
    this.inputs.set(key, place)
    const list = slot === 'feed' ? this.feeds : this.state
    list.push({ slot: name, offset: place.offset, count, bool })
    return place
  }

  private weight(x: Tensor, form: Omit<PackedWeight, 'id'>): Place {
    const { node } = x
    const id = isOp(node, 'input') && x.dtype === 'f32' ? this.heldWeight(node.attrs.name) : undefined
    if (id === undefined) throw new NotPacked('a weight does not lie in memory as f32')
    const same = (one: PackedWeight) =>
      one.id === id && one.packed === form.packed && one.transposed === form.transposed
    const found = this.weights.findIndex(same)
    if (found < 0) this.weights.push({ id, ...form })
    return { space: 'weight', offset: found < 0 ? this.weights.length - 1 : found }
  }

  private constant(x: Tensor, value: number | Parameters<typeof toFloat64>[0]['data']): Place {
    const place = this.make(x)
    const count = sizeOf(x.shape)
    const numbers =
      typeof value === 'number'
        ? new Float64Array(count).fill(value)
        : toFloat64(hostTensor(x.dtype, x.shape, value as Float32Array))
    this.fill(place, elementOf(x.dtype) === 'f32' ? Float32Array.from(numbers) : Int32Array.from(numbers))
    return place
  }
}

/** How a dtype lies in the machine: as f32, or as i32, bool being 0 and 1. Throws NotPacked for others. */
export function elementOf(dtype: DType): 'f32' | 'i32' | 'bool' {
  if (dtype === 'f32' || dtype === 'i32' || dtype === 'bool') return dtype
  throw new NotPacked(`no elements of ${dtype}`)
}

const LONGEST_LIST = 1 << 16

/** For each element of `shape`, which element of `strides` it is read from. Throws NotPacked for long lists. */
export function indexList(shape: Shape, strides: readonly number[], start = 0): Int32Array {
  const count = sizeOf(shape)
  if (count > LONGEST_LIST) throw new NotPacked('a tensor is too large for steps of one thread')
  const list = new Int32Array(count)
  const position = new Array<number>(shape.length).fill(0)
  let at = start
  for (let i = 0; i < count; i++) {
    list[i] = at
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      position[axis] = (position[axis] as number) + 1
      at += strides[axis] as number
      if ((position[axis] as number) < (shape[axis] as number)) break
      at -= (strides[axis] as number) * (shape[axis] as number)
      position[axis] = 0
    }
  }
  return list
}
