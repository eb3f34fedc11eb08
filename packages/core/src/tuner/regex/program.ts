/** Parts as instructions: counted repetitions are written out, so that matching needs no counters. Running them is run-program.ts. */
import type { ReadPattern } from './read-pattern.js'
import { type CodeSet, type Part, type Place, patternFault } from './syntax.js'

/** One instruction. A `fork` tries `first` before `second`; `advance` ends a loop whose body took nothing since its `save`. */
export type Instruction =
  | { readonly do: 'take'; readonly has: CodeSet }
  | { readonly do: 'fork'; first: number; second: number }
  | { readonly do: 'jump'; to: number }
  | { readonly do: 'save'; readonly slot: number }
  | { readonly do: 'advance'; readonly slot: number }
  | { readonly do: 'at'; readonly place: Place }
  | {
      readonly do: 'look'
      readonly from: number
      readonly behind: number | undefined
      readonly negative: boolean
      to: number
    }
  | { readonly do: 'reference'; readonly group: number; readonly fold: boolean }
  | { readonly do: 'done' }

/** Instructions from the first on. A program without references is matched in linear time. */
export interface Program {
  readonly pattern: string
  readonly instructions: readonly Instruction[]
  readonly hasReferences: boolean
}

const MOST_INSTRUCTIONS = 10_000 // {1000} within {1000} would never end

/**
 * The program of a read pattern. Where group i begins and ends is kept in slots 2i and 2i + 1, without references only for the wanted
 * group. Throws config.value when the program would be too large.
 */
export function programOf({ pattern, part, groups, hasReferences }: ReadPattern, wanted?: number): Program {
  const writer = new Writer(pattern, hasReferences, wanted, 2 * (groups + 1))
  writer.write(part)
  writer.add({ do: 'done' })
  return { pattern, instructions: writer.instructions, hasReferences }
}

class Writer {
  readonly instructions: Instruction[] = []

  constructor(
    private readonly pattern: string,
    private readonly hasReferences: boolean,
    private readonly wanted: number | undefined,
    private slots: number,
  ) {}

  add<I extends Instruction>(instruction: I): I {
    if (this.instructions.length >= MOST_INSTRUCTIONS)
      throw patternFault(this.pattern, 'its repetitions make it too large')
    this.instructions.push(instruction)
    return instruction
  }

  write(part: Part): void {
    switch (part.kind) {
      case 'set':
        this.add({ do: 'take', has: part.has })
        break
      case 'at':
        this.add({ do: 'at', place: part.place })
        break
      case 'sequence':
        for (const each of part.parts) this.write(each)
        break
      case 'group':
        this.group(part.index, part.body)
        break
      case 'choice':
        this.choice(part.options)
        break
      case 'repeat':
        this.repeat(part)
        break
      case 'look':
        this.look(part)
        break
      case 'reference':
        this.add({ do: 'reference', group: part.group, fold: part.fold })
        break
    }
  }

  private get here(): number {
    return this.instructions.length
  }

  private group(index: number, body: Part): void {
    const isKept = this.hasReferences || index === this.wanted
    if (isKept) this.add({ do: 'save', slot: 2 * index })
    this.write(body)
    if (isKept) this.add({ do: 'save', slot: 2 * index + 1 })
  }

  private choice(options: readonly Part[]): void {
    const ends = options.map((option, index) => {
      const fork = index < options.length - 1 ? this.add({ do: 'fork', first: this.here + 1, second: 0 }) : undefined
      this.write(option)
      const jump = this.add({ do: 'jump', to: 0 })
      if (fork !== undefined) fork.second = this.here
      return jump
    })
    for (const end of ends) end.to = this.here
  }

  private repeat({ body, least, most, lazy }: Part & { readonly kind: 'repeat' }): void {
    for (let i = 0; i < least; i++) this.copy(body)
    if (most === Number.POSITIVE_INFINITY) {
      this.loop(body, lazy)
      return
    }
    const forks = []
    for (let i = least; i < most; i++) {
      forks.push(this.fork(lazy))
      this.copy(body)
    }
    for (const leave of forks) leave(this.here)
  }

  /** A body that takes no instructions is written once: a count of a milliard would be written that often. */
  private copy(body: Part): void {
    const before = this.here
    this.write(body)
    if (this.here === before) this.add({ do: 'jump', to: this.here + 1 })
  }

  private loop(body: Part, lazy: boolean): void {
    const leave = this.fork(lazy)
    const start = this.here - 1
    const slot = this.hasReferences ? this.slots++ : undefined
    if (slot !== undefined) this.add({ do: 'save', slot })
    this.write(body)
    if (slot !== undefined) this.add({ do: 'advance', slot })
    this.add({ do: 'jump', to: start })
    leave(this.here)
  }

  /** A fork into what follows it, or to where it is told later. */
  private fork(lazy: boolean): (to: number) => void {
    const fork = this.add({ do: 'fork', first: 0, second: 0 })
    const next = this.here
    return (to) => {
      fork.first = lazy ? to : next
      fork.second = lazy ? next : to
    }
  }

  private look({ body, behind, negative }: Part & { readonly kind: 'look' }): void {
    const look = this.add({ do: 'look', from: this.here + 1, behind, negative, to: 0 })
    this.write(body)
    this.add({ do: 'done' })
    look.to = this.here
  }
}
