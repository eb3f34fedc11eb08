/** Values that lie as matrices of their rows: what reads them computes as on the tensors themselves. */
import {
  add,
  broadcast,
  feed,
  gelu,
  type HostTensor,
  hostTensor,
  layerNorm,
  less,
  matmul,
  mul,
  type Program,
  permute,
  programSlots,
  reduceSum,
  reference,
  reshape,
  rmsNorm,
  select,
  silu,
  type Tensor,
} from '@espalier/core'
import { expectClose } from '@espalier/testkit'
import { afterAll, describe, expect, it } from 'vitest'
import { onnx } from '../index.js'
import { emitProgram } from './emit-program.js'

const [batch, tokens, size] = [2, 3, 4]
const shape = [batch, tokens, size]
const x = feed('x', 'f32', shape)
const weight = feed('weight', 'f32', [size, size])
const row = feed('row', 'f32', [size])
const perToken = feed('per_token', 'f32', [batch, tokens, 1])
const perBatch = feed('per_batch', 'f32', [batch, 1, size])
const product = matmul(x, weight)

const values = (count: number, from: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(from + i * 1.7))
const feeds = {
  x: hostTensor('f32', shape, values(24, 0)),
  weight: hostTensor('f32', [size, size], values(16, 1)),
  row: hostTensor('f32', [size], values(4, 2)),
  per_token: hostTensor('f32', [batch, tokens, 1], values(6, 3)),
  per_batch: hostTensor('f32', [batch, 1, size], values(8, 4)),
}

const cases: Record<string, Tensor> = {
  'beside a tensor of the same shape': add(product, x),
  'beside a row': mul(product, row),
  'beside a number': mul(product, 3),
  'beside one value per token': mul(product, perToken),
  'beside one value per column of each batch': mul(product, perBatch),
  'beside a row with an axis before it': add(product, reshape(row, [1, size])),
  'beside more tokens': mul(matmul(perBatch, weight), x),
  'as an operand of a choice': select(less(product, perToken), product, x),
  'summed along its rows': mul(product, reduceSum(product, { axes: [2], keepDims: true })),
  'summed along its rows, an axis less': reduceSum(product, { axes: [2] }),
  'summed over its tokens': reduceSum(product, { axes: [1], keepDims: true }),
  'summed over all': reduceSum(product),
  'with its heads apart': permute(reshape(product, [batch, tokens, 2, 2]), [0, 2, 1, 3]),
  'under a norm': rmsNorm(product, row, 1e-6),
  'under a norm with a bias': layerNorm(product, row, row, 1e-6),
  'under activations': add(silu(product), gelu(product, 'none')),
  'in another product': matmul(add(product, x), weight),
  'in a product with its batches apart': matmul(product, x, { transposeB: true }),
  repeated: broadcast(reshape(reduceSum(product, { axes: [2], keepDims: true }), [batch, tokens, 1]), shape),
}

// A program takes no feed that it does not read.
function used(program: Program): Record<string, HostTensor> {
  const { feed } = programSlots(program)
  return Object.fromEntries(Object.entries(feeds).filter(([name]) => feed.has(name)))
}

describe('a product of many batches', () => {
  const [own, truth] = [onnx({ threads: 1 }), reference()]
  afterAll(() => Promise.all([own.close(), truth.close()]))

  it.each(Object.entries(cases))('is read %s', async (_, y) => {
    const program: Program = { name: 'rows', outputs: { y } }
    const [ours, theirs] = await Promise.all(
      [own, truth].map(async (backend) => (await backend.compile(program)).run({ feeds: used(program) })),
    )
    expectClose(ours?.y, theirs?.y as HostTensor, { absolute: 1e-5, relative: 1e-5 }, 'y')
  })

  it('passes norms, activations and sums without a node that reshapes', () => {
    const y = matmul(silu(mul(rmsNorm(add(product, matmul(product, weight)), row, 1e-6), row)), weight)
    const { order } = emitProgram({ name: 'rows', outputs: { y } }, () => ({ kind: 'buffer', id: 0 }))
    expect(order.filter((name) => name.startsWith('reshape'))).toEqual([])
  })
})
