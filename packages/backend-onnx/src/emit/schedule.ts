/**
 * The order in which ONNX Runtime runs a graph. Without optimisations it walks from the nodes that nobody reads, the one with the
 * highest number first, to their producers, highest first, and runs each node once its producers have run. We walk so too, but
 * choose the order, and number the nodes backwards: the first to run gets the highest number.
 */
import type { OnnxNode } from '../model/onnx-model.js'

/** Nodes in running order: dead ones dropped, shallow results first, and before each node its deepest producer first. */
export function schedule(nodes: readonly OnnxNode[], outputs: readonly string[]): OnnxNode[] {
  const producers = new Map<string, number>()
  nodes.forEach((node, i) => {
    for (const name of node.outputs) producers.set(name, i)
  })
  // `nodes` are sorted, so one pass finds the longest path to each.
  const depth = new Int32Array(nodes.length)
  const before: number[][] = nodes.map((node, i) => {
    const list = [...new Set(node.inputs.flatMap((name) => producers.get(name) ?? []))]
    depth[i] = 1 + list.reduce((most, producer) => Math.max(most, depth[producer] as number), 0)
    // Deepest first: what needs the activations comes before what needs none, such as widening a weight, which so runs right before its use.
    return list.sort((a, b) => (depth[b] as number) - (depth[a] as number) || a - b)
  })
  const roots = [...new Set(outputs.flatMap((name) => producers.get(name) ?? []))].sort((a, b) => (depth[a] as number) - (depth[b] as number) || a - b)
  const order: OnnxNode[] = []
  const seen = new Uint8Array(nodes.length)
  for (const root of roots) {
    const stack: { node: number; next: number }[] = []
    const enter = (node: number) => {
      if (seen[node] === 1) return
      seen[node] = 1
      stack.push({ node, next: 0 })
    }
    enter(root)
    for (let top = stack[stack.length - 1]; top !== undefined; top = stack[stack.length - 1]) {
      const producer = (before[top.node] as number[])[top.next++]
      if (producer !== undefined) enter(producer)
      else {
        order.push(nodes[top.node] as OnnxNode)
        stack.pop()
      }
    }
  }
  return order
}

/** The nodes as the model must list them to run in the given order. */
export function numbered(order: readonly OnnxNode[]): OnnxNode[] {
  return [...order].reverse()
}
