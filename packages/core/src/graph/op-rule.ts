/** What each op file states: its shape rule and its meaning as plain loops. Pullbacks are in autodiff/pullbacks, under the same file names. */
import type { DType, Spec } from '../dtype.js'
import { EspalierError } from '../errors.js'
import type { OpAttrs, OpName } from './op-attrs.js'
import { createNode, type Node, type Tensor } from './tensor.js'

/** Values of one tensor in the reference executor: floats as f32 or f64, whatever their dtype; integers and bool as they are. */
export type Values = Float64Array | Float32Array | Int32Array | Uint32Array | Uint8Array | Int8Array

/** The definition of one op. */
export interface OpRule<K extends OpName> {
  /** Output specs from input specs; `declared` are the specs a builder asks for where the op leaves a choice. Throws shape.mismatch, dtype.mismatch. */
  infer(inputs: readonly Spec[], attrs: OpAttrs[K], declared: readonly Spec[]): readonly Spec[]
  /** The op's meaning: fills the outputs, which are zeroed. */
  reference(node: Node<K>, inputs: readonly Values[], outputs: readonly Values[]): void
}

/** Applies an op after checking it; all outputs. */
export function applyOp<K extends OpName>(
  op: K,
  rule: OpRule<K>,
  inputs: readonly Tensor[],
  attrs: OpAttrs[K],
  declared: readonly Spec[] = [],
): readonly Tensor[] {
  return createNode(op, inputs, attrs, rule.infer(inputs, attrs, declared)).outputs
}

/** Applies an op with one output. */
export function applySingle<K extends OpName>(
  op: K,
  rule: OpRule<K>,
  inputs: readonly Tensor[],
  attrs: OpAttrs[K],
  declared: readonly Spec[] = [],
): Tensor {
  return applyOp(op, rule, inputs, attrs, declared)[0] as Tensor
}

/** The input at `index`, which the op always has. */
export function at<T>(list: readonly T[], index: number): T {
  if (index >= list.length)
    throw new EspalierError('graph.invalid', { what: 'an op has too few inputs', got: { index, inputs: list.length } })
  return list[index] as T
}

/** Throws dtype.mismatch unless the dtype is one of those allowed. */
export function requireDType(dtype: DType, allowed: readonly DType[], operation: string): void {
  if (!allowed.includes(dtype)) {
    throw new EspalierError('dtype.mismatch', {
      what: `${operation} does not take this dtype`,
      got: { dtype, allowed },
    })
  }
}

/** Float dtypes that ops compute in. */
export const FLOATS: readonly DType[] = ['f32', 'f16', 'bf16', 'f64']
/** Integer dtypes that ops compute in. */
export const INTEGERS: readonly DType[] = ['i32', 'u32']
/** Dtypes that address elements. */
export const INDICES: readonly DType[] = ['i32', 'u32']
