/** No op is forgotten: each has a case on every dtype that core lets it compute in. */
import * as core from '@espalier/core'
import {
  type CompareFn,
  type DType,
  EspalierError,
  feed,
  isOp,
  type Node,
  type OpAttrs,
  type OpName,
  type ReduceFn,
  type Tensor,
  topologicalOrder,
} from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { caseProgram } from '../graph-case.js'
import { parityCases } from './parity.js'

/** An op, or one of its functions: `matmul`, `unary.exp`. */
type Variant = { [K in OpName]: OpAttrs[K] extends { readonly fn: infer F extends string } ? `${K}.${F}` : K }[OpName]

type Application = (dtype: DType) => Tensor

const x = (dtype: DType, shape: core.Shape = [2, 2]) => feed('x', dtype, shape)
const index = (shape: core.Shape) => feed('index', 'i32', shape)
const one =
  (apply: (x: Tensor) => Tensor): Application =>
  (dtype) =>
    apply(x(dtype))
const two =
  (apply: (a: Tensor, b: Tensor) => Tensor): Application =>
  (dtype) =>
    apply(x(dtype), x(dtype))

// Every function of every op, applied once: a new one does not compile before it is here, and then fails below until it has a case.
const applications: { readonly [V in Exclude<Variant, 'call'>]: Application } = {
  input: (dtype) => x(dtype),
  constant: (dtype) => core.constant(1, dtype),
  iota: (dtype) => core.iota([2], 0, dtype),
  'unary.neg': one(core.neg),
  'unary.abs': one(core.abs),
  'unary.exp': one(core.exp),
  'unary.log': one(core.log),
  'unary.sqrt': one(core.sqrt),
  'unary.rsqrt': one(core.rsqrt),
  'unary.reciprocal': one(core.reciprocal),
  'unary.sin': one(core.sin),
  'unary.cos': one(core.cos),
  'unary.tanh': one(core.tanh),
  'unary.sigmoid': one(core.sigmoid),
  'unary.erf': one(core.erf),
  'unary.floor': one(core.floor),
  'unary.round': one(core.round),
  'unary.sign': one(core.sign),
  'unary.not': one(core.not),
  'binary.add': two(core.add),
  'binary.sub': two(core.sub),
  'binary.mul': two(core.mul),
  'binary.div': two(core.div),
  'binary.pow': two(core.pow),
  'binary.max': two(core.max),
  'binary.min': two(core.min),
  'binary.rem': two(core.rem),
  'binary.and': two(core.and),
  'binary.or': two(core.or),
  'binary.xor': two(core.xor),
  'binary.shiftLeft': two(core.shiftLeft),
  'binary.shiftRight': two(core.shiftRight),
  'compare.equal': two(core.equal),
  'compare.less': two(core.less),
  'compare.lessEqual': two(core.lessEqual),
  select: (dtype) => core.select(feed('where', 'bool', [2, 2]), x(dtype), x(dtype)),
  cast: one((y) => core.cast(y, y.dtype === 'f32' ? 'i32' : 'f32')),
  matmul: two(core.matmul),
  'reduce.sum': one((y) => core.reduceSum(y)),
  'reduce.max': one((y) => core.reduceMax(y)),
  'reduce.min': one((y) => core.reduceMin(y)),
  reshape: one((y) => core.reshape(y, [4])),
  permute: one(core.transpose),
  broadcast: one((y) => core.broadcast(y, [2, 2, 2])),
  slice: one((y) => core.slice(y, [0, 0], [1, 1])),
  pad: one((y) => core.pad(y, [1, 0], [0, 0])),
  concat: one((y) => core.concat([y, y], 0)),
  gatherRows: one((y) => core.gatherRows(y, index([1]))),
  gatherAlong: one((y) => core.gatherAlong(y, index([2, 1]), 1)),
  scatterAddRows: one((y) => core.scatterAddRows(index([2]), y, 3)),
  writeRows: one((y) => core.writeRows(y, index([]), y, 0)),
  topK: one((y) => core.topK(y, 1).values),
  randomBits: one((y) => core.randomBits(core.reshape(core.slice(y, [0, 0], [1, 1]), []), 1, y)),
  barrier: one((y) => core.barrier([y], [y])[0] as Tensor),
}

/** Which op a node is, and on which dtype: that of what it picks from, moves or computes with. */
function useOf(node: Node): string {
  const { fn } = node.attrs as { readonly fn?: CompareFn | ReduceFn }
  const data = isOp(node, 'select') || isOp(node, 'scatterAddRows') ? node.inputs[1] : node.inputs[0]
  return `${fn === undefined ? node.op : `${node.op}.${fn}`} of ${(data ?? (node.outputs[0] as Tensor)).dtype}`
}

/** The uses that core allows on a dtype. */
function allowedUses(dtype: DType): string[] {
  return Object.values(applications).flatMap((apply) => {
    try {
      return [useOf(apply(dtype).node)]
    } catch (error) {
      if (EspalierError.isInstance(error) && error.code === 'dtype.mismatch') return []
      throw error
    }
  })
}

describe('parityCases', () => {
  const uses = (group: Parameters<typeof parityCases>[0]) => {
    const cases = parityCases(group).flatMap(([, list]) => list)
    return new Set(
      cases.flatMap((one) => {
        const { outputs } = caseProgram(one, { gradients: false })
        return topologicalOrder(Object.values(outputs)).map(useOf)
      }),
    )
  }

  it.each(['f32', 'f16', 'f64'] as const)('have every op on %s', (dtype) => {
    const known = uses(dtype)
    expect(allowedUses(dtype).filter((use) => !known.has(use))).toEqual([])
  })

  it.each(['i32', 'u32', 'bool'] as const)('have every op on %s', (dtype) => {
    const known = uses('whole')
    expect(allowedUses(dtype).filter((use) => !known.has(use))).toEqual([])
  })
})
