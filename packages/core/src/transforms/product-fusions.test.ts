import { EXACT, expectClose } from '@espalier/testkit'
import { describe, expect, it } from 'vitest'
import { programSlots } from '../backend/program.js'
import { reference } from '../backend/reference.js'
import { hostTensor } from '../dtype.js'
import { add, div, mul } from '../graph/ops/binary.js'
import { feed } from '../graph/ops/input.js'
import { matmul } from '../graph/ops/matmul.js'
import { reduceSum } from '../graph/ops/reduce.js'
import { sin } from '../graph/ops/unary.js'
import { rebuild } from '../graph/rebuild.js'
import type { Tensor } from '../graph/tensor.js'
import { Random } from '../random.js'
import { type FusedProduct, productFusions } from './product-fusions.js'

const feeds = {
  a: hostTensor('f32', [2, 3, 4], new Random(1).uniform(24, 1)),
  b: hostTensor('f32', [2, 3, 5], new Random(2).uniform(30, 1)),
  w: hostTensor('f32', [4, 5], new Random(3).uniform(20, 1)),
  c: hostTensor('f32', [2, 3, 5], new Random(4).uniform(30, 1)),
  row: hostTensor('f32', [5], new Random(5).uniform(5, 1)),
}
const [a, b, w, c, row] = Object.entries(feeds).map(([name, { dtype, shape }]) => feed(name, dtype, shape)) as [
  Tensor,
  Tensor,
  Tensor,
  Tensor,
  Tensor,
]
const product = matmul(a, w)

const only = (y: Tensor) => [...productFusions([y]).products]

/** What a fusion says, in plain ops. */
function unfused({ node, alpha, addend, sumsBatch }: FusedProduct): Tensor {
  const y = mul(node.outputs[0] as Tensor, alpha)
  const summed = sumsBatch ? reduceSum(y, { axes: [0] }) : y
  return addend === undefined ? summed : add(summed, addend)
}

describe('productFusions', () => {
  const fused: Readonly<Record<string, Tensor>> = {
    'a factor': mul(product, 0.5),
    'a factor before and a divisor after': div(mul(0.5, product), 0.25),
    'a sum, on either side': add(c, product),
    'a row': add(product, row),
    'a factor and a sum': add(mul(product, 2), c),
    'a sum over the batch': reduceSum(matmul(a, b, { transposeA: true }), { axes: [0] }),
    'a sum over the batch with a factor and a sum': add(
      mul(reduceSum(matmul(a, b, { transposeA: true }), { axes: [0] }), 2),
      sin(w),
    ),
  }
  for (const [name, y] of Object.entries(fused)) {
    it(`folds ${name} into the product, with the same values`, async () => {
      const [[node, found] = []] = only(y)
      expect(node).toBe(y.node)
      const plain = rebuild([y], (one) => (one === node ? [unfused(found as FusedProduct)] : undefined))
      const program = { name, outputs: { want: y, got: plain[0] as Tensor } }
      const { feed: read } = programSlots(program)
      const executable = await reference().compile(program)
      const given = Object.fromEntries(Object.entries(feeds).filter(([slot]) => read.has(slot)))
      const { want, got } = await executable.run({ feeds: given })
      expectClose(got, want as NonNullable<typeof want>, EXACT, name)
    })
  }

  it('lists what needs no step of its own', () => {
    const scaled = mul(product, 2)
    const { absorbed } = productFusions([add(scaled, c)])
    expect([...absorbed]).toEqual([product.node, scaled.node])
  })

  it('leaves a product alone that others read, a second addend, and addends that broadcast by more than a row', () => {
    expect(only(mul(product, sin(product)))).toEqual([])
    expect([...productFusions([mul(product, 2), product]).products]).toEqual([])
    const [[node] = []] = only(add(add(product, c), row))
    expect(node?.inputs).toEqual([product, c])
    expect(only(add(product, feed('d', 'f32', [3, 5])))).toEqual([])
    expect(only(mul(product, 0))).toEqual([])
  })
})
