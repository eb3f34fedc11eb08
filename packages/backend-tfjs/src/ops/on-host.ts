/**
 * Ops that tfjs has no exact kernel for, bit operations and 32-bit products above all: they run on the host, in core's reference executor.
 * They are rare in models, and small where they occur.
 */
import { createNode, type Executable, input, type Node, type OpName, reference, type Tensor } from '@espalier/core'
import { download, upload } from '../host-values.js'
import type { StepContext, StepRule } from './step-rule.js'

const judge = reference()

/** A step that brings the inputs to the host, computes there and uploads the results. */
export function onHost<K extends OpName>({ tf }: StepContext, node: Node<K>): ReturnType<StepRule<K>> {
  let compiled: Promise<Executable> | undefined
  return async (inputs) => {
    compiled ??= judge.compile(alone(node as unknown as Node))
    const tensors = await Promise.all(inputs.map((x, i) => download(x, node.inputs[i] as Tensor)))
    const results = await (await compiled).run({
      feeds: Object.fromEntries(tensors.map((tensor, i) => [String(i), tensor])),
    })
    return node.outputs.map((_, i) => upload(tf, results[i] as (typeof tensors)[number], { copied: false }))
  }
}

/** The node as a program of its own, its inputs fed by their number. */
function alone(node: Node) {
  const inputs = node.inputs.map(({ dtype, shape }, i) => input('feed', String(i), dtype, shape))
  const { outputs } = createNode(node.op, inputs, node.attrs, node.outputs)
  return { name: node.op, outputs: Object.fromEntries(outputs.map((x, i) => [String(i), x])) }
}
