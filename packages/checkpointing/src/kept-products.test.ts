import { add, exp, feed, input, matmul, mul, type Node, sigmoid, type Tensor, topologicalOrder } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { keptProducts } from './kept-products.js'

const [TOKENS, SIZE, RANK] = [4, 256, 2]
const x = feed('x', 'f32', [TOKENS, SIZE])
const weight = (name: string, shape: readonly number[] = [SIZE, SIZE]) => input('weight', name, 'f32', shape)

/** What is kept of the nodes between x and the last values, of which the backward reads `read`. */
function kept(last: readonly Tensor[], read: readonly Tensor[]): readonly Tensor[] {
  const nodes: Node[] = topologicalOrder(last).filter((node) => node.op !== 'input')
  return keptProducts(nodes, new Set(read), new Set([x]))
}

describe('kept products', () => {
  it('are those that activations are made of, in place of these', () => {
    const [gate, up] = [matmul(x, weight('gate')), matmul(x, weight('up'))]
    const active = sigmoid(gate)
    const product = mul(active, up)
    expect(kept([product], [active, product, gate, up])).toEqual([gate, up])
  })

  it('are kept as their sum where only the sum is needed: half the bytes', () => {
    const sum = add(matmul(x, weight('a')), matmul(x, weight('b')))
    const y = exp(sum)
    expect(kept([y], [y])).toEqual([y])
    expect(kept([y], [y, sum])).toEqual([sum])
  })

  it('of a low rank are made again', () => {
    const low = matmul(x, weight('down', [SIZE, RANK]))
    const high = matmul(low, weight('up', [RANK, SIZE]))
    expect(kept([high], [high])).toEqual([low])
  })

  it('that nobody reads are not kept, nor what is made of kept values alone', () => {
    const y = exp(x)
    expect(kept([matmul(y, weight('last'))], [y])).toEqual([])
  })
})
