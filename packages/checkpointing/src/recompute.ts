/** The rewriting itself: the backward of a segment reads copies of its values, made from what was kept once that backward begins. */
import { barrier, createNode, type Node, type Tensor, topologicalOrder } from '@espalier/core'
import type { Segments } from './segments.js'

const HEAD = Number.POSITIVE_INFINITY // of what reads no value that is made again

/** A graph's nodes: those of its loss, and the others, sorted. */
export interface Passes {
  readonly forward: ReadonlySet<Node>
  readonly backward: readonly Node[]
}

/** The roots with values of the forward pass made again for the backward. Values stay the same, bit for bit. */
export function recompute(roots: readonly Tensor[], { forward, backward }: Passes, cut: Segments): Tensor[] {
  return new Recompute(forward, backward, cut).run(roots)
}

class Recompute {
  /** The first segment, in the order of the forward, whose values a node of the backward is made of. */
  private readonly earliest = new Map<Node, number>()
  private readonly renewed = new Map<Node, readonly Tensor[]>()
  private readonly copies = new Map<Node, readonly Tensor[]>()
  private readonly gates = new Map<Tensor, Tensor>() // kept values as the backward reads them

  constructor(
    private readonly forward: ReadonlySet<Node>,
    private readonly backward: readonly Node[],
    private readonly cut: Segments,
  ) {
    for (const node of backward)
      this.earliest.set(
        node,
        node.inputs.reduce((least, x) => Math.min(least, this.segmentOf(x)), HEAD),
      )
  }

  run(roots: readonly Tensor[]): Tensor[] {
    const starts = this.starts()
    const wanted = this.wanted()
    const finished = this.finished(roots)
    // Later segments first: what a segment waits for is then made already.
    const order = [...this.backward].sort((a, b) => this.compare(a, b))
    const open = [...wanted].sort(([a], [b]) => b - a)
    let done: readonly Tensor[] = []
    for (const node of order) {
      for (let [next] = open; next !== undefined && next[0] >= (this.earliest.get(node) as number); [next] = open) {
        const [segment, values] = next
        const start = starts.get(segment)
        if (start !== undefined) this.copy(values, [...new Set([start, ...done])])
        done = finished.get(segment) ?? []
        open.shift()
      }
      const inputs = node.inputs.map((x) => this.now(x))
      if (inputs.some((x, i) => x !== node.inputs[i]))
        this.renewed.set(node, createNode(node.op, inputs, node.attrs, node.outputs).outputs)
    }
    return roots.map((x) => this.now(x))
  }

  // Equal ones, as two of the head are, keep their order.
  private compare(a: Node, b: Node): number {
    const [x, y] = [this.earliest.get(a) as number, this.earliest.get(b) as number]
    return x === y ? 0 : y - x
  }

  /** Segment of a value that is made again, or of the backward that makes it. */
  private segmentOf(x: Tensor): number {
    const { kept, gated, segmentOf } = this.cut
    if (this.forward.has(x.node)) return kept.has(x) && !gated.has(x) ? HEAD : (segmentOf.get(x.node) ?? HEAD)
    return this.earliest.get(x.node) ?? HEAD
  }

  private now(x: Tensor): Tensor {
    if (this.forward.has(x.node))
      return this.gates.get(x) ?? (this.segmentOf(x) === HEAD ? x : (this.copies.get(x.node)?.[x.index] ?? x))
    return this.renewed.get(x.node)?.[x.index] ?? x
  }

  /** The values of each segment that the backward reads. */
  private wanted(): ReadonlyMap<number, readonly Tensor[]> {
    const wanted = new Map<number, Set<Tensor>>()
    for (const x of this.backward.flatMap((node) => node.inputs)) {
      const segment = this.segmentOf(x)
      if (!this.forward.has(x.node) || segment === HEAD) continue
      const known = wanted.get(segment) ?? new Set()
      wanted.set(segment, known.add(x))
    }
    return new Map([...wanted].map(([segment, values]) => [segment, [...values]]))
  }

  /** What each segment's backward makes for others: gradients of its parameters, and the one that goes on. Its copies are free once these exist. */
  private finished(roots: readonly Tensor[]): ReadonlyMap<number, readonly Tensor[]> {
    const finished = new Map<number, Set<Tensor>>()
    const note = (x: Tensor, reader: number) => {
      const own = this.forward.has(x.node) ? HEAD : (this.earliest.get(x.node) as number)
      if (own === HEAD || own === reader) return
      const known = finished.get(own) ?? new Set()
      finished.set(own, known.add(x))
    }
    for (const node of this.backward) for (const x of node.inputs) note(x, this.earliest.get(node) as number)
    for (const root of roots) note(root, HEAD)
    return new Map([...finished].map(([segment, values]) => [segment, [...values]]))
  }

  /** The gradient with which each segment's backward begins: the first made of those that meet its values. */
  private starts(): ReadonlyMap<number, Tensor> {
    const plain = this.plainNodes()
    const starts = new Map<number, Tensor>()
    for (const node of this.backward) {
      const own = this.earliest.get(node) as number
      const isPlain = (x: Tensor) => this.forward.has(x.node) || plain.has(x.node)
      if (!node.inputs.some((x) => own !== HEAD && isPlain(x) && this.segmentOf(x) === own)) continue
      for (const x of node.inputs) {
        if (isPlain(x) || this.segmentOf(x) <= own) continue
        const known = starts.get(own)
        if (known === undefined || x.node.id < known.node.id) starts.set(own, x)
      }
    }
    return starts
  }

  /** Nodes of the backward that no gradient reaches: made of tables alone, or of one segment's values. */
  private plainNodes(): ReadonlySet<Node> {
    const plain = new Set<Node>()
    for (const node of this.backward) {
      const isInSegment = this.earliest.get(node) !== HEAD
      const isPlain = (x: Tensor) =>
        this.forward.has(x.node) ? isInSegment || !this.cut.activations.has(x.node) : plain.has(x.node)
      if (node.inputs.every(isPlain)) plain.add(node)
    }
    return plain
  }

  /** Makes values of one segment again, once others exist. */
  private copy(values: readonly Tensor[], after: readonly Tensor[]): void {
    const { segmentOf, kept, activations } = this.cut
    const own = segmentOf.get((values[0] as Tensor).node)
    const isCopied = (x: Tensor) => segmentOf.get(x.node) === own && !kept.has(x)
    const stays = new Set(values.filter((x) => !isCopied(x))) // what the copies read of the first pass, and the backward with them
    const copied = new Set(values.filter(isCopied).map(({ node }) => node))
    for (const node of copied)
      for (const x of node.inputs) {
        if (isCopied(x))
          copied.add(x.node) // a set visits what is added to it
        else stays.add(x)
      }
    const sources = [...stays].filter((x) => activations.has(x.node))
    const waited = after.map((x) => this.now(x))
    const gate = new Map(
      (sources.length === 0 ? [] : barrier(sources, waited)).map((y, i) => [sources[i] as Tensor, y]),
    )
    for (const x of values) if (stays.has(x)) this.gates.set(x, gate.get(x) ?? x)
    for (const node of topologicalOrder(values, stays)) {
      const inputs = node.inputs.map((x) => gate.get(x) ?? this.copies.get(x.node)?.[x.index] ?? x)
      this.copies.set(node, createNode(node.op, inputs, node.attrs, node.outputs).outputs)
    }
  }
}
