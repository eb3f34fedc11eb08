/** The verifier accepts what builders make and refuses what a careless transform could make. */
import {
  callCases,
  caseInputs,
  elementwiseCases,
  integerCases,
  matmulCases,
  movementCases,
  namedCallCases,
} from '@espalier/testkit'
import { describe, expect, it } from 'vitest'
import { gradients } from '../autodiff/gradients.js'
import { constant } from './ops/constant.js'
import { feed } from './ops/input.js'
import { matmul } from './ops/matmul.js'
import { reduceSum } from './ops/reduce.js'
import { topK } from './ops/top-k.js'
import { exp } from './ops/unary.js'
import { createNode, type Node, type Tensor } from './tensor.js'
import { verifyGraph } from './verify.js'

const f32 = (shape: readonly number[]) => ({ dtype: 'f32', shape }) as const
const invalid = (what: RegExp) =>
  expect.objectContaining({ code: 'graph.invalid', message: expect.stringMatching(what) })
const first = (node: Node) => node.outputs[0] as Tensor

describe('verifyGraph', () => {
  it('accepts every graph that builders and gradients make, and returns its roots', () => {
    for (const cases of [elementwiseCases, movementCases, matmulCases, callCases, namedCallCases]) {
      for (const one of cases('f32')) {
        const inputs = caseInputs(one)
        const roots = one.build(...Object.values(inputs))
        const floats = [...roots, ...Object.values(inputs)].filter((x) => x.dtype === 'f32')
        const [loss] = floats
        const all = loss === undefined ? roots : [...roots, ...gradients(reduceSum(loss), floats)]
        expect(verifyGraph(all), one.name).toBe(all)
      }
    }
    for (const one of integerCases()) verifyGraph(one.build(...Object.values(caseInputs(one))))
  })

  it('refuses outputs that contradict their op', () => {
    const x = feed('x', 'f32', [2, 3])
    const cases = [
      createNode('matmul', [x, x], { transposeA: false, transposeB: true }, [f32([2, 3])]),
      createNode('unary', [x], { fn: 'exp' }, [{ dtype: 'f16', shape: [2, 3] }]),
      createNode('permute', [x], { order: [1, 0] }, [f32([2, 3])]),
      createNode('topK', [x], { k: 1 }, [f32([2, 1])]),
      createNode('reduce', [x], { fn: 'sum', axes: [1], keepDims: false }, [f32([2, 1])]),
    ]
    for (const node of cases)
      expect(() => verifyGraph([first(node as unknown as Node)])).toThrow(invalid(/contradict its op/))
  })

  it('refuses inputs that their op refuses, naming the op, with the cause', () => {
    const [x, n] = [feed('x', 'f32', [2, 3]), feed('n', 'i32', [2])]
    const cases = [
      createNode('matmul', [x, x], { transposeA: false, transposeB: false }, [f32([2, 3])]),
      createNode('unary', [n], { fn: 'exp' }, [{ dtype: 'i32', shape: [2] }]),
      createNode('reshape', [x], {}, [f32([7])]),
      createNode('gatherRows', [x, x], {}, [f32([2, 3, 3])]),
      createNode('slice', [x], { starts: [0, 0], ends: [3, 3] }, [f32([3, 3])]),
      createNode('concat', [x, n], { axis: 0 }, [f32([4, 3])]),
      createNode('binary', [x], { fn: 'add' }, [f32([2, 3])]),
    ]
    for (const node of cases) {
      expect(() => verifyGraph([first(node as unknown as Node)])).toThrow(
        invalid(new RegExp(`refuses its inputs.*op="${node.op}"`)),
      )
    }
  })

  it('refuses a tensor that its producer does not have', () => {
    const { values } = topK(feed('x', 'f32', [4]), 2)
    const stray: Tensor = { ...values }
    expect(() => verifyGraph([exp(stray)])).toThrow(invalid(/producer does not have/))
  })

  it('refuses a node that is older than its input, and so every circle', () => {
    const node = createNode('unary', [constant(1)], { fn: 'exp' }, [f32([])])
    ;(node.inputs as Tensor[])[0] = exp(first(node as unknown as Node))
    expect(() => verifyGraph([first(node as unknown as Node)])).toThrow(invalid(/older than its input/))
  })

  it('refuses an op that does not exist', () => {
    const node = createNode('warp' as 'select', [], {}, [f32([])])
    expect(() => verifyGraph([first(node as unknown as Node)])).toThrow(invalid(/does not exist/))
  })

  it('refuses a product whose flag was lost', () => {
    const y = matmul(feed('a', 'f32', [2, 3]), feed('b', 'f32', [5, 3]), { transposeB: true })
    const lost = createNode('matmul', y.node.inputs, { transposeA: false, transposeB: false }, [y])
    expect(() => verifyGraph([first(lost as unknown as Node)])).toThrow(invalid(/refuses its inputs/))
  })
})
