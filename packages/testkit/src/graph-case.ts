/** A small graph with values to feed it: the unit of every suite here. Its gradients come with it. */
import {
  add,
  cast,
  constantTensor,
  type DType,
  feed,
  gradients,
  type HostTensor,
  hostTensor,
  isFloat,
  mul,
  type Program,
  Random,
  reduceSum,
  type Shape,
  sizeOf,
  type Tensor,
} from '@espalier/core'
import type { Tolerance } from './compare.js'

/** Tensors by name. */
export type Tensors = Readonly<Record<string, Tensor>>

/** A graph, what it is fed, and how exactly its results must be met. */
export interface GraphCase {
  /** What is checked, as a phrase: `matmul (2,1,3,4) x (5,4,2)`. Unique in its suite. */
  readonly name: string
  readonly feeds: Readonly<Record<string, HostTensor>>
  /** The results, from one input per feed, in the order of `feeds`. */
  build(...inputs: Tensor[]): readonly Tensor[]
  /** Feeds to differentiate by: float feeds that the results depend on smoothly. Default: all float feeds. */
  readonly differentiate?: readonly string[]
  /** The results have NaN among them, which then must be where the judge has it. Without this a NaN is a mistake of the case. */
  readonly hasNaN?: true
  /** Overrides the suite's tolerance of the results (not of the gradients), with its reason beside it. */
  readonly tolerance?: Tolerance
}

/** The case as a program: outputs y0, y1... and, for each feed to differentiate by, `d name`: the gradient of a fixed weighted sum of the float results. */
export function caseProgram(graphCase: GraphCase, options: { readonly gradients?: boolean } = {}): Program {
  const inputs = caseInputs(graphCase)
  const results = graphCase.build(...Object.values(inputs))
  const outputs = Object.fromEntries(results.map((y, i) => [`y${i}`, y]))
  const names = differentiated(graphCase)
  if (options.gradients === false || names.length === 0) return { name: graphCase.name, outputs }
  const found = gradients(
    weightedSum(results),
    names.map((name) => inputs[name] as Tensor),
  )
  return {
    name: graphCase.name,
    outputs: { ...outputs, ...Object.fromEntries(found.map((g, i) => [`d ${names[i]}`, g])) },
  }
}

/** One input per feed. */
export function caseInputs({ feeds }: GraphCase): Tensors {
  return Object.fromEntries(Object.entries(feeds).map(([name, { dtype, shape }]) => [name, feed(name, dtype, shape)]))
}

/** Names of the feeds that the case is differentiated by. */
export function differentiated({ feeds, differentiate }: GraphCase): readonly string[] {
  return differentiate ?? Object.keys(feeds).filter((name) => isFloat((feeds[name] as HostTensor).dtype))
}

/** The sum of all float results, each element times its own fixed number, so that no error hides behind a symmetry. */
export function weightedSum(results: readonly Tensor[]): Tensor {
  const parts = results
    .filter((y) => isFloat(y.dtype))
    .map((y, i) => {
      const weights = new Random(i + 1).at('cotangent').uniform(sizeOf(y.shape), 1)
      return reduceSum(mul(y, constantTensor(hostTensor(y.dtype, y.shape, weights))))
    })
  const [first] = parts
  if (first === undefined) return cast(constantTensor(hostTensor('i32', [], [0])), 'f32')
  return parts.slice(1).reduce((sum, part) => add(sum, cast(part, sum.dtype)), first)
}

/** Values from `low` to `high` in equal steps and random order: no two are equal, so comparisons are far from ties. */
export function spread(dtype: DType, shape: Shape, seed: number, low = -2, high = 2): HostTensor {
  const size = sizeOf(shape)
  const order = new Random(seed).permutation(size)
  return hostTensor(
    dtype,
    shape,
    Array.from(order, (i) => low + ((i + 0.5) * (high - low)) / size),
  )
}

/** Whole numbers from `low` to `high` (not included), repeating, in random order. */
export function whole(dtype: DType, shape: Shape, seed: number, low: number, high: number): HostTensor {
  return hostTensor(
    dtype,
    shape,
    Array.from(new Random(seed).permutation(sizeOf(shape)), (i) => low + (i % (high - low))),
  )
}
