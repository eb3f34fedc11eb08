import { expect, it } from 'vitest'
import { barrier } from '../graph/ops/barrier.js'
import { add } from '../graph/ops/binary.js'
import { feed } from '../graph/ops/input.js'
import { exp } from '../graph/ops/unary.js'
import { isOp, type Tensor, topologicalOrder } from '../graph/tensor.js'
import { narrowBarriers } from './narrow-barriers.js'

const [x, y, z] = ['x', 'y', 'z'].map((name) => exp(feed(name, 'f32', [2]))) as [Tensor, Tensor, Tensor]

it('passes what is read behind a barrier alone, and leaves what it waits for', () => {
  const [, second, third] = barrier([x, y, z], [add(y, z)]) as [Tensor, Tensor, Tensor]
  const [result] = narrowBarriers([add(third, second)]) as [Tensor]
  const [narrow] = topologicalOrder([result]).filter((node) => isOp(node, 'barrier'))
  expect(narrow?.inputs.map(({ node }) => node)).toEqual([y.node, z.node, expect.objectContaining({ op: 'binary' })])
  expect(narrow?.outputs).toHaveLength(2)
  expect(result.node.inputs).toEqual([narrow?.outputs[1], narrow?.outputs[0]])
  expect(topologicalOrder([result])).not.toContain(x.node)
})

it('leaves a graph alone in which everything is read', () => {
  const roots = barrier([x, y], [z])
  expect(narrowBarriers(roots)).toBe(roots)
})
