/** Comparing tensors: the worst difference and where it is, in units of what is allowed. */
import { EspalierError, type HostTensor, sameShape, stridesOf, toFloat64 } from '@espalier/core'

/** How far a value may be from the wanted one: absolute + relative * |wanted|. Both 0 demand equality. */
export interface Tolerance {
  readonly absolute: number
  readonly relative: number
}

/** The element that is furthest off. `worst` is its difference divided by what is allowed there: at most 1 passes. */
export interface Difference {
  readonly worst: number
  /** Position of the element, outermost axis first. */
  readonly index: readonly number[]
  readonly got: number
  readonly want: number
}

/** Equality: for ops that only move values, and for integers and bool. */
export const EXACT: Tolerance = { absolute: 0, relative: 0 }

/** The worst difference of two tensors of one shape; undefined when they are empty. Equal infinities and two NaN do not differ. */
export function worstDifference(got: HostTensor, want: HostTensor, tolerance: Tolerance): Difference | undefined {
  const [a, b] = [toFloat64(got), toFloat64(want)]
  let worst: Difference | undefined
  for (let i = 0; i < b.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number]
    const ratio = ratioOf(x, y, tolerance)
    if (worst === undefined || ratio > worst.worst) {
      const index = stridesOf(want.shape).map((stride, axis) => Math.floor(i / stride) % (want.shape[axis] as number))
      worst = { worst: ratio, index, got: x, want: y }
    }
  }
  return worst
}

/** Throws testkit.difference, naming the worst element, unless both tensors have one dtype and shape and all values are near enough. */
export function expectClose(got: HostTensor | undefined, want: HostTensor, tolerance: Tolerance, name: string): void {
  if (got === undefined) {
    throw new EspalierError('testkit.difference', { what: 'a result is missing', got: { name } })
  }
  if (got.dtype !== want.dtype || !sameShape(got.shape, want.shape) || got.data.length !== want.data.length) {
    throw new EspalierError('testkit.difference', {
      what: 'a result has another dtype or shape',
      got: { name, got: describe(got), want: describe(want) },
    })
  }
  const difference = worstDifference(got, want, tolerance)
  if (difference !== undefined && !(difference.worst <= 1)) {
    throw new EspalierError('testkit.difference', {
      what: 'a result is further off than allowed',
      got: {
        name,
        ...difference,
        worst: String(difference.worst),
        got: String(difference.got),
        want: String(difference.want),
        tolerance,
      },
    })
  }
}

function ratioOf(got: number, want: number, { absolute, relative }: Tolerance): number {
  if (got === want || (Number.isNaN(got) && Number.isNaN(want))) return 0
  const ratio = Math.abs(got - want) / (absolute + relative * Math.abs(want))
  return Number.isFinite(ratio) ? ratio : Number.POSITIVE_INFINITY
}

function describe({ dtype, shape, data }: HostTensor): string {
  return `${dtype}[${shape.join(',')}] with ${data.length} values`
}
