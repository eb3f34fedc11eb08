/**
 * The order in which ONNX Runtime runs a graph, chosen to keep little alive. Without optimisations the runtime walks from the nodes
 * that nobody reads, the one with the highest number first, to their producers, highest first, and runs each node once its producers
 * have run. We walk so too, with an order of our own, and number the nodes backwards. Where a node should run earlier than that walk
 * would reach it, the node after it is made to wait for it.
 */
import type { OnnxNode } from '../model/onnx-model.js'

/** What the scheduler knows of the graph. `bytes`: sizes of values; those left out count nothing. */
export interface ScheduleInput {
  readonly nodes: readonly OnnxNode[]
  readonly outputs: readonly string[]
  readonly bytes: ReadonlyMap<string, number>
}

/** Nodes in running order, and the bytes of values alive at once. */
export interface Schedule {
  readonly order: readonly OnnxNode[]
  readonly peakBytes: number
  /** Where in the order the most is alive. */
  readonly peakAt: number
}

const WORTH_BYTES = 1 << 20 // freeing less is not worth the nodes that make another one wait

/** Orders the nodes; dead ones are dropped. */
export function schedule(input: ScheduleInput): Schedule {
  return new Walk(input).run()
}

/** The nodes as the model must list them to run in the given order. */
export function numbered(order: readonly OnnxNode[]): OnnxNode[] {
  return [...order].reverse()
}

/** The order in which the runtime runs nodes that are listed so: its own walk, for checks. */
export function runtimeOrder(listed: readonly OnnxNode[]): OnnxNode[] {
  const before = producersOf(listed)
  const isRead = new Set(before.flat())
  const order: OnnxNode[] = []
  const seen = new Uint8Array(listed.length)
  const visit = (root: number) => {
    walk(
      root,
      seen,
      (node) => [...(before[node] as number[])].sort((a, b) => b - a),
      (node) => order.push(listed[node] as OnnxNode),
    )
  }
  for (let node = listed.length - 1; node >= 0; node--) if (!isRead.has(node)) visit(node)
  return order
}

class Walk {
  private readonly before: number[][]
  private readonly depth: Int32Array
  private readonly done: Uint8Array
  private readonly wanted: Uint8Array
  private readonly order: OnnxNode[] = []
  /** Values by their names: everything below goes by number, names are slow to look up. */
  private readonly values = new Map<string, number>()
  /** The memory that each node reads and makes, as the value that owns it; once each. */
  private readonly reads: number[][]
  private readonly makes: number[][]
  /** The value whose memory a value is a view of. */
  private readonly owners: number[] = []
  private readonly bytes: number[] = []
  /** Nodes that read the memory of a value, and how many of them still have to. */
  private readonly readers: number[][] = []
  private readonly left: Int32Array
  private readonly kept: Uint8Array
  /** Whether running a node could free enough, if it were the last to read all that it reads. */
  private readonly mayFree: Uint8Array
  /** The node near which each node was last looked at, plus 1. */
  private readonly lookedAt: Int32Array
  /** Nodes that ran ahead of the walk, until the walk goes on. */
  private ahead: number[] = []
  private alive = 0
  private peakBytes = 0
  private peakAt = 0

  constructor(private readonly input: ScheduleInput) {
    const { nodes, outputs } = input
    const before = producersOf(nodes)
    this.before = before
    this.done = new Uint8Array(nodes.length)
    this.wanted = new Uint8Array(nodes.length)
    this.depth = new Int32Array(nodes.length)
    this.lookedAt = new Int32Array(nodes.length)
    this.makes = nodes.map((node) => {
      const viewed = node.op === 'Reshape' ? this.owner(node.inputs[0] as string) : undefined
      return node.outputs.map((name) => this.note(name, viewed))
    })
    this.reads = nodes.map((node) => unique(node.inputs.map((name) => this.owner(name))))
    nodes.forEach((_, i) => {
      const producers = before[i] as number[]
      this.depth[i] = 1 + producers.reduce((most, producer) => Math.max(most, this.depth[producer] as number), 0)
      // Deepest first: what needs the activations comes before what needs none, such as widening a weight, which so runs right before its use.
      // The parts of a concatenation are alike, and shallow ones may read what is made on the way to deep ones: gradients of many layers.
      const sign = this.input.nodes[i]?.op === 'Concat' ? 1 : -1
      if (producers.length > 1)
        producers.sort((a, b) => sign * ((this.depth[a] as number) - (this.depth[b] as number)) || a - b)
    })
    const kept = outputs.map((name) => this.owner(name))
    const count = this.values.size
    this.kept = new Uint8Array(count)
    for (const owner of kept) this.kept[owner] = 1
    this.left = new Int32Array(count)
    for (let value = 0; value < count; value++) this.readers.push([])
    this.mayFree = Uint8Array.from(nodes, ({ op }, i) =>
      op !== 'Reshape' &&
      this.bytesOf(this.reads[i] as number[], true) - this.bytesOf(this.makes[i] as number[], false) >= WORTH_BYTES
        ? 1
        : 0,
    )
  }

  run(): Schedule {
    const { nodes, outputs } = this.input
    const producers = new Map(nodes.flatMap((node, i) => node.outputs.map((name) => [name, i] as const)))
    const roots = [...new Set(outputs.flatMap((name) => producers.get(name) ?? []))].sort(
      (a, b) => (this.depth[a] as number) - (this.depth[b] as number) || a - b,
    )
    for (const root of roots)
      walk(
        root,
        this.wanted,
        (node) => this.before[node] as number[],
        (node) => this.noteReads(node),
      )
    const seen = new Uint8Array(nodes.length)
    for (const root of roots) {
      walk(
        root,
        seen,
        (node) => this.before[node] as number[],
        (node) => {
          if (this.done[node] === 1) return
          this.emit(node, false)
          this.runAhead(node)
        },
      )
    }
    return { order: this.order, peakBytes: this.peakBytes, peakAt: this.peakAt }
  }

  private bytesOf(values: readonly number[], freed: boolean): number {
    let sum = 0
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number
      if (!freed || this.kept[value] === 0) sum += this.bytes[value] as number
    }
    return sum
  }

  private noteReads(node: number): void {
    for (const owner of this.reads[node] as number[]) {
      this.readers[owner]?.push(node)
      this.left[owner] = (this.left[owner] as number) + 1
    }
  }

  // What reads the same memory as the node just run, or its results, runs now if that frees more than it makes.
  private runAhead(start: number): void {
    const queue = [start]
    for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
      const near: number[] = []
      for (const owner of this.reads[node] as number[])
        if ((this.bytes[owner] as number) >= WORTH_BYTES) this.lookAround(owner, node, near)
      for (const owner of this.makes[node] as number[]) this.lookAround(owner, node, near)
      for (const candidate of near) {
        if (!this.isReady(candidate) || this.gain(candidate) < WORTH_BYTES) continue
        this.emit(candidate, true)
        queue.push(candidate)
      }
    }
  }

  // Adds the readers of a value that are worth a look, each once near a node.
  private lookAround(owner: number, node: number, near: number[]): void {
    if (this.left[owner] === 0) return
    for (const reader of this.readers[owner] as number[]) {
      if (this.done[reader] === 1 || this.mayFree[reader] === 0 || this.lookedAt[reader] === node + 1) continue
      this.lookedAt[reader] = node + 1
      near.push(reader)
    }
  }

  private isReady(node: number): boolean {
    for (const producer of this.before[node] as number[]) if (this.done[producer] === 0) return false
    return true
  }

  // Of a node that has not run: where one reader of a value is left, it is the node.
  private gain(node: number): number {
    let freed = 0
    for (const owner of this.reads[node] as number[])
      if (this.left[owner] === 1 && this.kept[owner] === 0) freed += this.bytes[owner] as number
    return freed < WORTH_BYTES ? 0 : freed - this.bytesOf(this.makes[node] as number[], false)
  }

  private emit(node: number, ahead: boolean): void {
    const own = this.input.nodes[node] as OnnxNode
    this.done[node] = 1
    if (ahead) {
      this.order.push(own)
      this.ahead.push(node)
    } else {
      const others = this.notBelow(node)
      const canWait = own.inputs.length > 0 && own.inputs[0] !== ''
      if (others.length > 0 && canWait) {
        const first = others.map((other) => (this.input.nodes[other] as OnnxNode).outputs[0] as string)
        this.order.push(...waiting(own, first))
      } else this.order.push(own)
      this.ahead = canWait ? [] : others
    }
    const isView = own.op === 'Reshape'
    const makes = this.makes[node] as number[]
    if (!isView) this.alive += this.bytesOf(makes, false)
    if (this.alive > this.peakBytes) {
      this.peakBytes = this.alive
      this.peakAt = this.order.length - 1
    }
    for (const owner of this.reads[node] as number[]) {
      const left = (this.left[owner] as number) - 1
      this.left[owner] = left
      if (left === 0) this.end(owner)
    }
    if (!isView) for (const value of makes) if (this.left[value] === 0) this.end(value)
  }

  private end(owner: number): void {
    if (this.kept[owner] === 0) this.alive -= this.bytes[owner] as number
  }

  // Nodes that ran ahead and that the walk would not reach from this node anyway.
  private notBelow(node: number): number[] {
    if (this.ahead.length === 0) return []
    const ahead = new Set(this.ahead)
    const below = new Set<number>()
    const open = [node]
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      for (const producer of this.before[at] as number[]) {
        if (!ahead.has(producer) || below.has(producer)) continue
        below.add(producer)
        open.push(producer)
      }
    }
    return this.ahead.filter((one) => !below.has(one))
  }

  private owner(name: string): number {
    return this.owners[this.values.get(name) ?? this.note(name)] as number
  }

  /** Numbers a value that is new; what it is a view of. The result owns its memory. */
  private note(name: string, viewed?: number): number {
    const value = this.values.get(name) ?? this.values.size
    this.values.set(name, value)
    this.owners[value] = viewed ?? value
    this.bytes[value] = this.input.bytes.get(name) ?? 0
    return viewed ?? value
  }
}

/** The node with its first input passed through an Unsqueeze of no axes, which copies nothing, once the others have run. */
function waiting(node: OnnxNode, others: readonly string[]): OnnxNode[] {
  const [first = '', ...rest] = node.inputs
  const plain = (op: string, part: string, inputs: readonly string[], attributes: OnnxNode['attributes']): OnnxNode => {
    const name = `${node.name}.${part}`
    return { op, domain: '', inputs, outputs: [name], attributes, name }
  }
  // Shape's range 0 to 0 is an empty list: no axes, but the dependence.
  const nothing = others.map((other, i) => plain('Shape', `wait${i}`, [other], { start: { int: 0 }, end: { int: 0 } }))
  const lists = nothing.map(({ name }) => name)
  const joined = lists.length === 1 ? [] : [plain('Concat', 'waited', lists, { axis: { int: 0 } })]
  const [axes] = [...joined, ...nothing] as [OnnxNode]
  const after = plain('Unsqueeze', 'after', [first, axes.name], {})
  return [...nothing, ...joined, after, { ...node, inputs: [after.name, ...rest] }]
}

function unique(values: number[]): number[] {
  return values.length < 2 ? values : values.filter((value, i) => values.indexOf(value) === i)
}

/** For each node the nodes that make what it reads. */
function producersOf(nodes: readonly OnnxNode[]): number[][] {
  const producers = new Map<string, number>()
  nodes.forEach((node, i) => {
    for (const name of node.outputs) producers.set(name, i)
  })
  return nodes.map((node) => {
    const list: number[] = []
    for (const name of node.inputs) {
      const producer = producers.get(name)
      if (producer !== undefined && !list.includes(producer)) list.push(producer)
    }
    return list
  })
}

// Post-order without recursion: deep graphs overflow the call stack.
function walk(
  root: number,
  seen: Uint8Array,
  before: (node: number) => readonly number[],
  leave: (node: number) => void,
): void {
  if (seen[root] === 1) return
  seen[root] = 1
  const stack = [{ producers: before(root), node: root, next: 0 }]
  for (let top = stack[stack.length - 1]; top !== undefined; top = stack[stack.length - 1]) {
    const producer = top.producers[top.next++]
    if (producer === undefined) {
      leave(top.node)
      stack.pop()
    } else if (seen[producer] === 0) {
      seen[producer] = 1
      stack.push({ producers: before(producer), node: producer, next: 0 })
    }
  }
}
