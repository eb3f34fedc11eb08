/** Frequencies that depend on how far a pass reaches, as parts of its graph. */
import {
  add,
  cast,
  constantTensor,
  div,
  exp,
  hostTensor,
  log,
  max,
  mul,
  reduceMax,
  reshape,
  select,
  sub,
  type Tensor,
} from '@espalier/core'

/** Frequencies as (1, 1, pairs) f32. */
export function constantRow(frequencies: readonly number[]): Tensor {
  return constantTensor(hostTensor('f32', [1, 1, frequencies.length], [...frequencies]))
}

/** Positions that the longest row reaches, f32 scalar. positions (batch or 1, tokens) i32; keep (batch, tokens) bool: false at padding. */
export function reachOf(positions: Tensor, keep: Tensor | undefined): Tensor {
  const all = cast(positions, 'f32')
  return add(reduceMax(keep === undefined ? all : select(keep, all, 0)), 1)
}

/**
 * Frequencies of a base that grows by s^(size / (size - 2)), s = factor * length / from - (factor - 1): dynamic NTK. frequencies: of the
 * base itself. length: f32 scalar -> (1, 1, pairs).
 */
export function stretchedRow(
  frequencies: readonly number[],
  size: number,
  { length, from, factor }: { readonly length: Tensor; readonly from: number; readonly factor: number },
): Tensor {
  // theta^(-2i / size) is there already; what is left is s^(-2i / (size - 2)). A shorter pass, which does not use it, makes s 1.
  const s = sub(div(mul(max(length, from), factor), from), factor - 1)
  const powers = constantRow(frequencies.map((_, pair) => (-2 * pair) / Math.max(size - 2, 1)))
  return mul(constantRow(frequencies), exp(mul(powers, reshape(log(s), [1, 1, 1]))))
}
