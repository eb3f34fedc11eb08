/**
 * Cheap values that would lie in memory from the forward to the backward are made twice, when what they are made of lies there
 * anyway: a gated activation, a norm, a block of keys. The order of running (schedule.ts) puts the second right before its use.
 */
import type { OnnxNode } from '../model/onnx-model.js'
import { type ScheduleInput, schedule } from './schedule.js'

// A few passes over memory each; everything else costs too much to do twice.
const CHEAP: ReadonlySet<string> = new Set([
  'QuickGelu',
  'Slice',
  'Where',
  'Cast',
  'Mul',
  'Add',
  'Sub',
  'Expand',
  'SimplifiedLayerNormalization',
  'LayerNormalization',
])
const WORTH_BYTES = 1 << 16
const NEAR = 32 // nodes; what dies so shortly before is kept alive until the second copy is made

/** The nodes with second copies of cheap ones, still sorted. */
export function recomputeCheap(input: ScheduleInput): OnnxNode[] {
  const { order, peakAt } = schedule(input)
  const position = new Map(order.map((node, i) => [node.name, i] as const))
  const producers = new Map(input.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  const outputs = new Set(input.outputs)
  const viewed = new Map<string, string>() // a view, and the value whose memory it shows
  const ownerOf = (name: string): string => viewed.get(name) ?? name
  const users = new Map<string, OnnxNode[]>() // of a value's memory, but for the views themselves; each once
  for (const node of input.nodes) {
    if (node.op === 'Reshape') {
      viewed.set(node.outputs[0] as string, ownerOf(node.inputs[0] as string))
      continue
    }
    if (!position.has(node.name)) continue
    for (const name of node.inputs) {
      const known = users.get(ownerOf(name))
      if (known === undefined) users.set(ownerOf(name), [node])
      else if (known[known.length - 1] !== node) known.push(node)
    }
  }
  const kept = new Set([...outputs].map(ownerOf))
  const at = (node: OnnxNode) => position.get(node.name) as number
  const replacements = new Map<OnnxNode, OnnxNode>() // far users with other inputs
  const clones = new Map<OnnxNode, OnnxNode[]>() // by the node that they repeat
  const current = (node: OnnxNode) => replacements.get(node) ?? node

  const repeat = (node: OnnxNode) => {
    const [value = ''] = node.outputs
    if (
      kept.has(value) ||
      (input.bytes.get(value) ?? 0) < WORTH_BYTES ||
      !position.has(node.name) ||
      at(node) >= peakAt
    )
      return
    const far = (users.get(value) ?? []).filter((user) => at(user) > peakAt)
    const from = Math.min(...far.map(at))
    const stays = (name: string) => {
      const owner = ownerOf(name)
      if (!producers.has(owner) || kept.has(owner)) return true
      return (users.get(owner) ?? []).some((user) => at(user) > peakAt && at(user) >= from - NEAR)
    }
    if (far.length === 0 || !node.inputs.every(stays)) return
    const copy: OnnxNode = { ...node, name: `${node.name}.again`, outputs: node.outputs.map((name) => `${name}.again`) }
    const made = [copy]
    const renamed = new Map([[value, copy.outputs[0] as string]])
    const rename = (name: string): string => {
      const known = renamed.get(name)
      if (known !== undefined) return known
      const view = producers.get(name) as OnnxNode
      const again: OnnxNode = {
        ...view,
        name: `${view.name}.again`,
        inputs: [rename(view.inputs[0] as string), ...view.inputs.slice(1)],
        outputs: [`${name}.again`],
      }
      made.push(again)
      renamed.set(name, again.outputs[0] as string)
      return again.outputs[0] as string
    }
    for (const user of far) {
      const own = current(user)
      replacements.set(user, {
        ...own,
        inputs: own.inputs.map((name) => (producers.has(name) && ownerOf(name) === value ? rename(name) : name)),
      })
    }
    clones.set(node, made)
    // The copies read what the node reads, late: values that it is made of may be repeated in turn.
    position.set(copy.name, from)
    producers.set(copy.outputs[0] as string, copy)
    for (const name of node.inputs) users.get(ownerOf(name))?.push(copy)
  }
  for (const node of [...input.nodes].reverse()) if (CHEAP.has(node.op)) repeat(node)
  return input.nodes.flatMap((node) => [current(node), ...(clones.get(node) ?? []).map(current)])
}
