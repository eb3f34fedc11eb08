/** Checks a graph between transforms: every node's specs agree with its op's shape rule. */
import type { Spec } from '../dtype.js'
import { EspalierError } from '../errors.js'
import { sameShape } from '../shape.js'
import type { OpName } from './op-attrs.js'
import type { OpRule } from './op-rule.js'
import { opRules } from './rules.js'
import { type Node, type Tensor, topologicalOrder } from './tensor.js'

/** Throws graph.invalid, naming the node, when a node contradicts its op; returns the roots. */
export function verifyGraph(roots: readonly Tensor[]): readonly Tensor[] {
  for (const node of topologicalOrder(roots)) {
    const fault = (what: string, got: Record<string, unknown>) =>
      new EspalierError('graph.invalid', { what, got: { op: node.op, ...got } })
    for (const x of node.inputs) {
      if (x.node.outputs[x.index] !== x)
        throw fault('a node uses a tensor that its producer does not have', { producer: x.node.op, index: x.index })
      if (x.node.id >= node.id) throw fault('a node is older than its input', { producer: x.node.op })
    }
    const rule = opRules[node.op] as OpRule<OpName> | undefined
    if (rule === undefined) throw fault('the op does not exist', {})
    const specs = inferred(rule, node)
    const agrees =
      specs.length === node.outputs.length &&
      specs.every(
        (spec, i) => spec.dtype === node.outputs[i]?.dtype && sameShape(spec.shape, node.outputs[i]?.shape ?? []),
      )
    if (!agrees)
      throw fault('a node’s outputs contradict its op', {
        declared: node.outputs.map(({ dtype, shape }) => ({ dtype, shape })),
        inferred: specs.map(({ dtype, shape }) => ({ dtype, shape })),
      })
  }
  return roots
}

function inferred(rule: OpRule<OpName>, node: Node): readonly Spec[] {
  try {
    return rule.infer(node.inputs, node.attrs, node.outputs)
  } catch (cause) {
    const inputs = node.inputs.map(({ dtype, shape }) => ({ dtype, shape }))
    throw new EspalierError('graph.invalid', {
      what: 'a node’s op refuses its inputs',
      got: { op: node.op, inputs },
      cause,
    })
  }
}
