/**
 * What a run takes of ONNX Runtime's arena for its values, by following the arena's own rules over the order of running. The arena takes
 * memory of the system in regions and never gives it back. With a region for all of a run it lays every run out alike; with several, one
 * twice as large as the one before, a second run lays values elsewhere than the first and so writes nearly all of them.
 */
import type { OnnxNode } from '../model/onnx-model.js'

// ONNX Runtime's defaults for the arena of the CPU.
const ALIGNMENT = 256 // bytes; what an arena gives out is a multiple
const MOST_DEAD = 128 * 2 ** 20 // bytes that it may leave unused behind a value
const FIRST_REGION = 2 ** 20 // bytes; regions are as many, or a power of two times that

// No more of a region is planned to be written: small values are not counted.
const FULLEST = 0.95

/** What the arena is asked for in a run. `bytes`: sizes of values; those left out are small. */
export interface ArenaInput {
  /** In running order. */
  readonly nodes: readonly OnnxNode[]
  /** Results, which lie in the arena until a run is over. */
  readonly outputs: readonly string[]
  readonly bytes: ReadonlyMap<string, number>
}

/** Bytes that a run writes in an arena of one region: the values alive at once, and what lies unused between them. */
export function arenaBytes({ nodes, outputs, bytes }: ArenaInput): number {
  const owners = new Map<string, string>() // a view, and the value whose memory it shows
  const owner = (name: string) => owners.get(name) ?? name
  const lastUse = new Map<string, number>()
  nodes.forEach((node, i) => {
    for (const name of node.inputs) lastUse.set(owner(name), i)
    if (isView(node)) owners.set(node.outputs[0] as string, owner(node.inputs[0] as string))
  })
  for (const name of outputs) lastUse.delete(owner(name))
  const ending = nodes.map((): string[] => [])
  for (const [name, i] of lastUse) ending[i]?.push(name)
  const region = new Region()
  const places = new Map<string, Chunk>()
  nodes.forEach((node, i) => {
    if (!isView(node))
      for (const name of node.outputs) {
        const size = bytes.get(name) ?? 0
        if (size > 0) places.set(name, region.take(size))
      }
    for (const name of ending[i] as string[]) {
      const chunk = places.get(name)
      if (chunk !== undefined) region.give(chunk)
    }
  })
  return region.written
}

/**
 * Bytes to ask a fresh arena for, so that its region holds a run that writes so many: none where the first region does. It takes a region that
 * holds what is asked for, so that more than half of it is enough.
 */
export function arenaRequest(written: number): number {
  if (written <= FIRST_REGION) return 0
  let region = FIRST_REGION
  while (region * FULLEST < written) region *= 2
  return region / 2 + ALIGNMENT
}

// Unsqueeze comes of the order of running alone, and copies nothing.
function isView({ op }: OnnxNode): boolean {
  return op === 'Reshape' || op === 'Unsqueeze'
}

interface Chunk {
  readonly at: number
  size: number
  free: boolean
  before: Chunk | undefined
  behind: Chunk | undefined
}

/** A region without end. What is asked for goes to the smallest free chunk that holds it, the first of those; neighbours that are free become one. */
class Region {
  /** From its start on: how far values reached. */
  written = 0
  /** By size, then by place. */
  private readonly free: Chunk[] = [
    { at: 0, size: Number.POSITIVE_INFINITY, free: true, before: undefined, behind: undefined },
  ]

  take(bytes: number): Chunk {
    const size = Math.ceil(bytes / ALIGNMENT) * ALIGNMENT
    const chunk = this.free.splice(this.place(size, 0), 1)[0] as Chunk
    chunk.free = false
    if (chunk.size >= 2 * size || chunk.size - size >= MOST_DEAD) {
      const rest = { at: chunk.at + size, size: chunk.size - size, free: true, before: chunk, behind: chunk.behind }
      if (chunk.behind !== undefined) chunk.behind.before = rest
      chunk.behind = rest
      chunk.size = size
      this.list(rest)
    }
    this.written = Math.max(this.written, chunk.at + bytes)
    return chunk
  }

  give(chunk: Chunk): void {
    const { before, behind } = chunk
    chunk.free = true
    if (behind?.free === true) this.join(chunk, behind)
    if (before?.free === true) this.join(before, chunk)
    this.list(before?.free === true ? before : chunk)
  }

  // One of them is not listed; both are gone from the list.
  private join(chunk: Chunk, next: Chunk): void {
    for (const one of [chunk, next]) this.unlist(one)
    chunk.size += next.size
    chunk.behind = next.behind
    if (next.behind !== undefined) next.behind.before = chunk
  }

  private list(chunk: Chunk): void {
    this.free.splice(this.place(chunk.size, chunk.at), 0, chunk)
  }

  private unlist(chunk: Chunk): void {
    const place = this.place(chunk.size, chunk.at)
    if (this.free[place] === chunk) this.free.splice(place, 1)
  }

  /** Where the first chunk lies that is as large, and as far, or more. */
  private place(size: number, at: number): number {
    let [low, high] = [0, this.free.length]
    while (low < high) {
      const middle = (low + high) >> 1
      const chunk = this.free[middle] as Chunk
      if (chunk.size < size || (chunk.size === size && chunk.at < at)) low = middle + 1
      else high = middle
    }
    return low
  }
}
