/** Sums, largest and smallest values along axes. */
import { EspalierError } from '../../errors.js'
import { normalizeAxis, stridesOf } from '../../shape.js'
import type { ReduceFn } from '../op-attrs.js'
import { applySingle, at, FLOATS, type OpRule, requireDType } from '../op-rule.js'
import type { Tensor } from '../tensor.js'
import { div } from './binary.js'

const starts: { readonly [F in ReduceFn]: number } = { sum: 0, max: -Infinity, min: Infinity }

/**
 * Definition of `reduce`. Over no elements: sum 0, max -infinity, min infinity. Sums accumulate in f64. Where an element is NaN, so is the
 * sum; the largest and the smallest are NaN here, and on a backend may be those of the other elements.
 */
export const reduceRule: OpRule<'reduce'> = {
  infer([x], { axes, keepDims }) {
    if (x === undefined) throw new EspalierError('graph.invalid', { what: 'reduce needs one input' })
    requireDType(x.dtype, [...FLOATS, 'i32'], 'reduce')
    const shape = keepDims
      ? x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent))
      : x.shape.filter((_, axis) => !axes.includes(axis))
    return [{ dtype: x.dtype, shape }]
  },
  reference(node, inputs, [y]) {
    const x = at(inputs, 0)
    const { shape } = at(node.inputs, 0)
    const { fn, axes } = node.attrs
    const kept = stridesOf(shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent))).map((stride, axis) =>
      axes.includes(axis) ? 0 : stride,
    )
    if (y === undefined) return
    const totals = new Float64Array(y.length).fill(starts[fn])
    const counter = new Array<number>(shape.length).fill(0)
    let to = 0
    for (let i = 0; i < x.length; i++) {
      const value = x[i] as number
      const total = totals[to] as number
      totals[to] = fn === 'sum' ? total + value : fn === 'max' ? Math.max(total, value) : Math.min(total, value)
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        to += kept[axis] as number
        const count = (counter[axis] as number) + 1
        counter[axis] = count
        if (count < (shape[axis] as number)) break
        to -= (kept[axis] as number) * (shape[axis] as number)
        counter[axis] = 0
      }
    }
    y.set(totals)
  },
}

/** Which axes to reduce (all when left out) and whether they stay with size 1. */
export interface ReduceOptions {
  readonly axes?: readonly number[]
  readonly keepDims?: boolean
}

function reduce(fn: ReduceFn) {
  return (x: Tensor, options: ReduceOptions = {}): Tensor => {
    const { axes = x.shape.map((_, axis) => axis), keepDims = false } = options
    const sorted = [...new Set(axes.map((axis) => normalizeAxis(axis, x.shape.length, fn)))].sort((a, b) => a - b)
    return sorted.length === 0 ? x : applySingle('reduce', reduceRule, [x], { fn, axes: sorted, keepDims })
  }
}

/** Sum along axes. */
export const reduceSum = reduce('sum')
/** Largest value along axes. */
export const reduceMax = reduce('max')
/** Smallest value along axes. */
export const reduceMin = reduce('min')

/** Mean along axes. */
export function reduceMean(x: Tensor, options: ReduceOptions = {}): Tensor {
  const total = reduceSum(x, options)
  const count = (x.shape.reduce((a, b) => a * b, 1) || 1) / (total.shape.reduce((a, b) => a * b, 1) || 1)
  return div(total, count)
}
