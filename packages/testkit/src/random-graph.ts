/** Random graphs from a seed, for tests that a transform keeps values. */

import {
  abs,
  add,
  barrier,
  broadcast,
  cast,
  concat,
  constant,
  cos,
  div,
  exp,
  feed,
  gelu,
  type HostTensor,
  hostTensor,
  less,
  matmul,
  max,
  min,
  mul,
  neg,
  pad,
  permute,
  Random,
  reduceMax,
  reduceSum,
  reshape,
  select,
  sigmoid,
  silu,
  sin,
  sizeOf,
  sliceAxis,
  softmax,
  sub,
  type Tensor,
  tanh,
  topK,
} from '@espalier/core'

/** A graph with the feeds it reads. */
export interface RandomGraph {
  readonly roots: readonly Tensor[]
  readonly feeds: Readonly<Record<string, HostTensor>>
}

/** A graph of about `size` nodes over three feeds; every value stays finite. Rich in what transforms look for: 0, 1, chains, equal nodes. */
export function randomGraph(seed: number, size: number): RandomGraph {
  const draws = new Random(seed).uniform(20 * size + 100, 1)
  let drawn = 0
  const below = (count: number) =>
    Math.min(count - 1, Math.floor((((draws[drawn++ % draws.length] as number) + 1) / 2) * count))
  const shapes = [
    [2, 3],
    [3, 2],
    [1, 3],
  ]
  const feeds = Object.fromEntries(
    shapes.map((shape, i) => [
      `x${i}`,
      hostTensor('f32', shape, new Random(seed).at(`x${i}`).uniform(sizeOf(shape), 2)),
    ]),
  )
  const pool: Tensor[] = [
    ...shapes.map((shape, i) => feed(`x${i}`, 'f32', shape)),
    constant(0),
    constant(1),
    constant(0.3, 'f32', [2, 3]),
  ]
  const pick = () => pool[below(pool.length)] as Tensor
  const twin = (x: Tensor) => pool.filter(({ shape }) => shape.join() === x.shape.join())[0] as Tensor
  while (pool.length < size) {
    const x = pick()
    const made = grow[below(grow.length)]?.(x, twin(x), below)
    // Magnitudes stay small: values above 1 pass through tanh now and then.
    if (made !== undefined && sizeOf(made.shape) <= 64) pool.push(below(3) === 0 ? tanh(made) : made)
  }
  return { roots: pool.slice(-6), feeds }
}

type Step = (x: Tensor, twin: Tensor, below: (count: number) => number) => Tensor | undefined

const flip = (x: Tensor) =>
  permute(
    x,
    x.shape.map((_, axis) => x.shape.length - 1 - axis),
  )

const grow: readonly Step[] = [
  (x) => add(x, 0),
  (x) => mul(x, 1),
  (x) => mul(1, x),
  (x) => sub(x, constant(0, 'f32', x.shape)),
  (x) => add(x, constant(0.5, 'f32', x.shape)),
  (x) => div(x, 2),
  (x) => neg(neg(x)),
  (x, y) => add(x, y),
  (x, y) => mul(tanh(x), tanh(y)),
  (x, y) => max(x, y),
  (x, y) => min(x, neg(y)),
  (x) => sin(x),
  (x) => cos(abs(x)),
  (x) => exp(tanh(x)),
  (x) => sigmoid(x),
  (x) => gelu(tanh(x)),
  (x) => silu(tanh(x)),
  (x, y) => select(less(x, y), x, sin(y)),
  (x) => cast(cast(x, 'i32'), 'f32'),
  (x) => cast(constant(2.75, 'i32', x.shape), 'f32'),
  (x) => flip(x),
  (x) => flip(flip(x)),
  (x) => reshape(x, [-1]),
  (x) => reshape(reshape(x, [-1]), [1, ...x.shape]),
  (x, y) => add(reshape(x, [-1, 1]), reshape(y, [-1, 1])),
  (x) => permute(reshape(x, [1, ...x.shape, 1]), x.shape.map((_, axis) => axis + 1).concat(0, x.shape.length + 1)),
  (x) => broadcast(x, [2, ...x.shape]),
  (x) => reduceSum(tanh(x), { axes: x.shape.length === 0 ? [] : [0], keepDims: true }),
  (x) => reduceMax(x),
  (x) => (x.shape.length === 2 ? tanh(matmul(x, flip(x))) : undefined),
  (x) => (x.shape.length === 2 ? tanh(matmul(flip(x), x, { transposeA: true, transposeB: true })) : undefined),
  (x, _, below) =>
    x.shape.length > 0 && (x.shape[0] as number) > 1
      ? sliceAxis(x, 0, 0, 1 + below((x.shape[0] as number) - 1))
      : undefined,
  (x, y) => (x.shape.length > 0 ? concat([x, y], -1) : undefined),
  (x) =>
    pad(
      x,
      x.shape.map(() => 0),
      x.shape.map((_, axis) => (axis === 0 ? 1 : 0)),
      0.25,
    ),
  (x) => barrier([x], [x])[0],
  (x) => (x.shape.length > 0 && (x.shape.at(-1) as number) > 0 ? topK(x, 1).values : undefined),
  (x) => (x.shape.length > 0 ? softmax(x) : undefined),
  () => sin(constant(0.7)),
  () => mul(constant(0.1), constant(0.2)),
]
