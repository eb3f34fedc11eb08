/**
 * Rematerialisation: floats that are cheap to make again from frozen weights (decoded codes, casts, and these moved) are made again
 * where they are used again, so that none waits in memory from the forward to the backward.
 */
import { byteSize } from '../dtype.js'
import type { OpName } from '../graph/op-attrs.js'
import { barrier } from '../graph/ops/barrier.js'
import { expandCall } from '../graph/ops/call.js'
import { rebuild, withInputs } from '../graph/rebuild.js'
import { isOp, type Node, type Tensor, topologicalOrder } from '../graph/tensor.js'
import { sizeOf } from '../shape.js'

// A pass over memory each; products, sums and sorting cost more than the memory is worth.
const CHEAP: ReadonlySet<OpName> = new Set([
  'constant',
  'iota',
  'unary',
  'binary',
  'compare',
  'select',
  'cast',
  'reshape',
  'permute',
  'broadcast',
  'slice',
  'pad',
  'concat',
  'gatherRows',
  'gatherAlong',
])
const MOVED: ReadonlySet<OpName> = new Set(['reshape', 'permute'])
const WORTH_BYTES = 1 << 12 // less is not worth the nodes

/**
 * The graph with what is decoded from weights made anew for every use that comes after others were decoded, behind a barrier that waits
 * for the rest of what the use reads. Values stay the same, bit for bit. Graphs that only read weights as they lie stay as they are.
 */
export function rematerialize(roots: readonly Tensor[]): Tensor[] {
  const decoded = decodedNodes(roots)
  return decoded.size === 0 ? [...roots] : new Rematerializer(decoded).run(roots)
}

/** Nodes that depend on weights and constants alone, through cheap ops of which one at least computes. */
function decodedNodes(roots: readonly Tensor[]): Set<Node> {
  const [constants, weights, decoded] = [new Set<Node>(), new Set<Node>(), new Set<Node>()]
  for (const node of topologicalOrder(roots)) {
    const from = (...sets: readonly Set<Node>[]) => node.inputs.every((x) => sets.some((set) => set.has(x.node)))
    if (isOp(node, 'input')) {
      if (node.attrs.slot === 'weight') weights.add(node)
    } else if (!isCheap(node)) continue
    else if (from(constants)) constants.add(node)
    else if (MOVED.has(node.op) && from(weights)) weights.add(node)
    else if (from(constants, weights, decoded)) decoded.add(node)
  }
  return decoded
}

function isCheap(node: Node): boolean {
  if (!isOp(node, 'call')) return CHEAP.has(node.op)
  return topologicalOrder(expandCall(node as unknown as Node<'call'>), new Set(node.inputs)).every(isCheap)
}

class Rematerializer {
  /** The nodes that decode a value, inputs first. */
  private readonly chains = new Map<Tensor, readonly Node[]>()
  /** The outputs of decoding nodes as they were made last. */
  private readonly latest = new Map<Node, { readonly outputs: readonly Tensor[]; round: number }>()
  /** Counts values that were decoded, first or again. */
  private round = 0

  constructor(private readonly decoded: ReadonlySet<Node>) {}

  run(roots: readonly Tensor[]): Tensor[] {
    return rebuild(roots, (node, inputs) => {
      if (this.decoded.has(node) || !inputs.some((x) => this.decoded.has(x.node))) return undefined
      const after = inputs.filter((x) => x.node.inputs.length > 0 && !this.decoded.has(x.node))
      const own = inputs.map((x) => (this.decoded.has(x.node) ? this.use(x, after) : x))
      return own.every((x, i) => x === inputs[i]) ? undefined : withInputs(node, own).outputs
    })
  }

  /** The value for a use: as it was decoded last, or decoded again when others were since. */
  private use(x: Tensor, after: readonly Tensor[]): Tensor {
    const chain = this.chains.get(x) ?? topologicalOrder([x])
    this.chains.set(x, chain)
    const own = chain.filter((node) => this.decoded.has(node))
    if (!own.some(isLarge)) return x
    const known = own.flatMap((node) => this.latest.get(node) ?? [])
    const waits = known.some(({ round }) => round < this.round)
    if (waits || known.length < own.length) this.round++
    const gated = waits ? this.gated(chain, after) : new Map<Node, Tensor>()
    const made = new Map<Node, readonly Tensor[]>([...gated].map(([node, y]) => [node, [y]]))
    for (const node of chain) {
      if (made.has(node)) continue
      const inputs = node.inputs.map((y) => made.get(y.node)?.[y.index] ?? y)
      const last = waits ? undefined : this.latest.get(node)?.outputs
      made.set(node, last ?? (inputs.every((y, i) => y === node.inputs[i]) ? node : withInputs(node, inputs)).outputs)
    }
    for (const node of own) this.latest.set(node, { outputs: made.get(node) as readonly Tensor[], round: this.round })
    return made.get(x.node)?.[x.index] as Tensor
  }

  // What small weights alone give (tables of codes, scales of rows) is small: only the others have to wait.
  private gated(chain: readonly Node[], after: readonly Tensor[]): Map<Node, Tensor> {
    const weights = chain.filter((node) => node.op === 'input')
    const large = weights.filter(isLarge)
    const gated = large.length > 0 ? large : weights
    const values = barrier(
      gated.map((node) => node.outputs[0] as Tensor),
      after,
    )
    return new Map(gated.map((node, i) => [node, values[i] as Tensor]))
  }
}

function isLarge({ outputs }: Node): boolean {
  return outputs.some((x) => sizeOf(x.shape) * byteSize(x.dtype) >= WORTH_BYTES)
}
