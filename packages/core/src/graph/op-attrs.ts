/** The closed union of core ops, with each op's attributes. Every rule table is a mapped type over it. */
import type { HostArray } from '../dtype.js'
import type { CallDefinition } from './ops/call.js'

/** Functions of one number. `not` is for bool, `sigmoid` to `erf` for floats, `neg` and `abs` for every number. */
export type UnaryFn =
  | 'neg'
  | 'abs'
  | 'exp'
  | 'log'
  | 'sqrt'
  | 'rsqrt'
  | 'reciprocal'
  | 'sin'
  | 'cos'
  | 'tanh'
  | 'sigmoid'
  | 'erf'
  | 'floor'
  | 'round'
  | 'sign'
  | 'not'

/** Functions of two numbers. `and`, `or`, `xor` are for u32, i32 and bool; shifts are for u32, with zeros in. */
export type BinaryFn =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'pow'
  | 'max'
  | 'min'
  | 'rem'
  | 'and'
  | 'or'
  | 'xor'
  | 'shiftLeft'
  | 'shiftRight'

/** Comparisons; the result is bool. */
export type CompareFn = 'equal' | 'less' | 'lessEqual'

/** Reductions. */
export type ReduceFn = 'sum' | 'max' | 'min'

/** Where an input's value comes from: frozen weights, mutable state, or a feed of one run. */
export type SlotKind = 'weight' | 'state' | 'feed'

/** Attributes of each core op. */
export interface OpAttrs {
  input: { readonly slot: SlotKind; readonly name: string }
  /** One value everywhere, or all values row-major. */
  constant: { readonly value: number } | { readonly data: HostArray }
  iota: { readonly axis: number }
  unary: { readonly fn: UnaryFn }
  binary: { readonly fn: BinaryFn }
  compare: { readonly fn: CompareFn }
  select: Record<never, never>
  cast: Record<never, never>
  matmul: { readonly transposeA: boolean; readonly transposeB: boolean }
  reduce: { readonly fn: ReduceFn; readonly axes: readonly number[]; readonly keepDims: boolean }
  reshape: Record<never, never>
  permute: { readonly order: readonly number[] }
  broadcast: Record<never, never>
  slice: { readonly starts: readonly number[]; readonly ends: readonly number[] }
  pad: { readonly before: readonly number[]; readonly after: readonly number[]; readonly value: number }
  concat: { readonly axis: number }
  gatherRows: Record<never, never>
  gatherAlong: { readonly axis: number }
  scatterAddRows: { readonly rows: number }
  writeRows: { readonly axis: number }
  topK: { readonly k: number }
  randomBits: { readonly site: number }
  barrier: { readonly count: number }
  call: { readonly definition: CallDefinition; readonly attributes: Readonly<Record<string, unknown>> }
}

/** Names of the core ops. */
export type OpName = keyof OpAttrs
