/** A batch of rows in the course of generation: the key/value cache on the device, and the programs that read and extend it. */
import {
  cacheKind,
  type Executable,
  type HostTensor,
  hostTensor,
  type Program,
  programSlots,
  type StateSet,
} from '@espalier/core'
import { requireFinite } from '../finite-logits.js'
import { firstSlots, moreSlots } from './buckets.js'
import { grownCache } from './grown-cache.js'
import { retire } from './idle-programs.js'
import type { GenerationSource } from './options.js'
import type { ProgramSizes, StepOutput } from './programs.js'
import { reorderProgram } from './reorder-program.js'
import { type Start, startOf } from './start.js'
import { tracedDecode } from './traced-programs.js'

/** Rows in generation, all with as many slots in use. */
export class CacheSession {
  private cache: StateSet | undefined
  private decode: Executable | undefined
  private order: Executable | undefined
  /** Executables with the feeds that they read: not every model reads positions. */
  private readonly compiled = new Map<Executable, ReadonlySet<string>>()
  private slots: number
  /** Slots in use. */
  private filled: number
  /** Tokens of each row that are in the cache, as long as they may have to be read again. */
  private read: readonly (readonly number[])[] | undefined
  private start: Start

  /**
   * @param prompts token ids of each row
   * @param output what each step gives
   * @param maxNewTokens most tokens that will be added
   */
  constructor(
    private readonly source: GenerationSource,
    prompts: readonly (readonly number[])[],
    private readonly output: StepOutput,
    private readonly maxNewTokens: number,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.start = startOf(source, prompts)
    this.filled = Math.max(...this.start.lengths)
    const { stretch } = source.model.sizes
    this.read = stretch?.isReadAgain === true && this.filled <= stretch.from ? prompts : undefined
    this.slots = firstSlots(this.start.columns, this.filled + maxNewTokens)
  }

  /** Reads the prompts; the result of their last tokens. */
  async prefill(): Promise<HostTensor> {
    const { start, source } = this
    const program = start.program(this.sizes)
    const executable = await this.compile(program)
    const empty = [...programSlots(program).state].filter(([name]) => cacheKind(name) !== undefined)
    this.cache = await source.backend.createState(
      new Map(empty.map(([name, { dtype, shape }]) => [name, hostTensor(dtype, shape)])),
      { handsOver: true },
    )
    return this.run(executable, start.feeds)
  }

  /** Adds one token per row; the result of those tokens. */
  async step(tokens: readonly number[]): Promise<HostTensor> {
    const { start, filled } = this
    this.read = this.read?.map((ids, row) => [...ids, tokens[row] as number])
    // This token takes the rows out of the positions that their cache was read for.
    if (this.read !== undefined && filled === this.source.model.sizes.stretch?.from) return this.readAgain(this.read)
    if (filled === this.slots) await this.grow()
    this.decode ??= await this.compile(tracedDecode(this.source.model, this.sizes))
    const { lengths, stepFeeds } = start
    const longest = Math.max(...lengths)
    const added = filled - longest
    // Rows that ended at the model's last position are fed along with the others.
    const last = (this.source.model.sizes.maxPositions ?? Number.POSITIVE_INFINITY) - 1
    const batch = lengths.length
    const result = await this.run(this.decode, {
      input_ids: hostTensor('i32', [batch, 1], [...tokens]),
      position_ids: hostTensor(
        'i32',
        [batch, 1],
        lengths.map((length) => Math.min(length + added, last)),
      ),
      filled: hostTensor('i32', [], [filled]),
      keep: this.kept(longest),
      ...stepFeeds,
    })
    this.filled = filled + 1
    return result
  }

  /** Every row goes on from what row `rows[i]` has read. */
  async reorder(rows: readonly number[]): Promise<void> {
    if (rows.every((row, i) => row === i)) return
    const { read } = this
    this.read = read && rows.map((row) => read[row] as readonly number[])
    const cache = this.cache as StateSet
    this.order ??= await this.compile(reorderProgram(cache))
    this.signal?.throwIfAborted()
    await this.order.run({ feeds: { rows: hostTensor('i32', [rows.length], [...rows]) }, state: [{ set: cache }] })
  }

  /** Gives the cache's memory back, and the programs to those that wait for the next generation. */
  release(): void {
    this.cache?.release()
    this.cache = undefined
    for (const executable of this.compiled.keys()) retire(this.source.weights, executable)
    this.compiled.clear()
  }

  private async readAgain(rows: readonly (readonly number[])[]): Promise<HostTensor> {
    this.read = undefined
    this.cache?.release()
    this.cache = undefined
    this.decode = undefined
    this.order = undefined
    this.start = startOf(this.source, rows)
    this.filled = Math.max(...this.start.lengths)
    this.slots = firstSlots(this.start.columns, this.filled + this.maxNewTokens)
    return this.prefill()
  }

  private get sizes(): ProgramSizes {
    const { lengths, encodedLength } = this.start
    return { batch: lengths.length, slots: this.slots, encodedLength, output: this.output }
  }

  private async compile(program: Program): Promise<Executable> {
    const { backend, weights } = this.source
    const executable = await backend.compile(program, { weights, signal: this.signal })
    this.compiled.set(executable, new Set(programSlots(program).feed.keys()))
    return executable
  }

  private async run(executable: Executable, feeds: Readonly<Record<string, HostTensor>>): Promise<HostTensor> {
    const { state = [] } = this.source
    this.signal?.throwIfAborted()
    const reads = this.compiled.get(executable)
    const result = await executable.run({
      feeds: Object.fromEntries(Object.entries(feeds).filter(([name]) => reads?.has(name))),
      state: [{ set: this.cache as StateSet }, ...state],
    })
    this.signal?.throwIfAborted()
    const dataOf = (output: 'finite' | 'logits') => result[output]?.data as Float32Array
    if (this.output === 'token') requireFinite('generation.finite', dataOf('finite'), Number.isFinite)
    else requireFinite('generation.finite', dataOf('logits'))
    return result[this.output] as HostTensor
  }

  private async grow(): Promise<void> {
    const { cache, source, slots } = this
    this.slots = moreSlots(slots)
    this.decode = undefined
    this.order = undefined
    const larger = await grownCache(source.backend, cache as StateSet, this.slots)
    cache?.release()
    this.cache = larger
  }

  // False at a row's padding on the left, of which an even batch has none.
  private kept(longest: number): HostTensor {
    const { slots } = this
    const { lengths } = this.start
    const keep = new Uint8Array(lengths.length * slots).fill(1)
    for (const [row, length] of lengths.entries()) keep.fill(0, row * slots, row * slots + longest - length)
    return hostTensor('bool', [lengths.length, slots], keep)
  }
}
