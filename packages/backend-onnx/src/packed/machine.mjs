/**
 * Runs packed programs: a memory shared with helping threads, the weights in it in 16 bits, and the programs' steps. Plain JavaScript
 * that imports nothing outside this folder, as the worker that it runs in. machine.d.mts has the types.
 */
import { Allocator } from './allocator.mjs'
import { pack, packedBytes } from './pack.mjs'
import { steps } from './steps.mjs'

const PAGE = 65536
const MOST_PAGES = 65536
const RESERVED = 4096 // the job and the kernels' own constants

/** One memory with its weights and programs. */
export class PackedMachine {
  programs = new Map()
  /** By the host's number of a weight and the form it lies here in. */
  weights = new Map()

  /**
   * @param module the compiled kernels
   * @param threads threads that compute, this one included
   * @param startHelper starts a thread that serves `{ module, memory }`
   */
  constructor(module, threads, startHelper) {
    this.threads = threads
    this.memory = new WebAssembly.Memory({ initial: 1, maximum: MOST_PAGES, shared: true })
    this.exports = new WebAssembly.Instance(module, { env: { memory: this.memory } }).exports
    this.room = new Allocator(RESERVED, (byteLength) => this.ensure(byteLength))
    this.view()
    this.helpers = Array.from({ length: threads - 1 }, () => startHelper({ module, memory: this.memory }))
  }

  /** Bytes in use. */
  get byteLength() {
    return this.memory.buffer.byteLength
  }

  /**
   * Makes a program ready; false when a weight of its products does not fit 16 bits. `read` gives the f32 values of a weight by the host's
   * number.
   */
  open(id, plan, read) {
    const known = new Set(this.weights.keys())
    const placed = []
    for (const weight of plan.weights) {
      const place = this.weight(weight, read)
      if (place === undefined) {
        for (const form of [...this.weights.keys()]) if (!known.has(form)) this.drop(form)
        return false
      }
      placed.push(place)
    }
    const arena = this.room.take(plan.size * 4)
    const base = arena.start / 4
    this.floats.fill(0, base, base + plan.size)
    const at = ({ space, offset }) => (space === 'arena' ? base + offset : placed[offset])
    for (const { y, data } of plan.constants) (data instanceof Float32Array ? this.floats : this.ints).set(data, at(y))
    this.programs.set(id, {
      plan,
      arena,
      base,
      steps: plan.steps.map((step) => [steps[step.op], located(step, at)]),
      mirrors: new Map(),
    })
    for (const weight of plan.weights) this.weights.get(formOf(weight)).programs.add(id)
    return true
  }

  /** Forgets a program. */
  close(id) {
    const program = this.programs.get(id)
    if (program === undefined) return
    this.programs.delete(id)
    this.room.give(program.arena)
    for (const weight of this.weights.values()) weight.programs.delete(id)
  }

  /** Forgets a weight, by the host's number, and the programs that read it. */
  forget(id) {
    for (const [form, found] of [...this.weights]) {
      if (found.id !== id) continue
      for (const program of [...found.programs]) this.close(program)
      this.drop(form)
    }
  }

  drop(form) {
    this.room.give(this.weights.get(form).range)
    this.weights.delete(form)
  }

  /** Ends the helping threads. */
  quit() {
    this.exports.quit()
    for (const helper of this.helpers) helper.end()
  }

  /**
   * Runs a program. `stateOf(slot)` gives `{ data, version }` of a state tensor, the version changing whenever something writes into the
   * same data. Returns `outputs` by slot, and `updates` with copies of what is to be written: `{ slot, data, start }`, start being
   * undefined when the whole slot is replaced. After writing them the caller says so with `written`.
   */
  run(id, feeds, stateOf) {
    const program = this.programs.get(id)
    const { plan, base } = program
    for (const { slot, offset, bool } of plan.feeds) this.store(base + offset, feeds[slot], bool)
    for (const { slot, offset, bool } of plan.state) {
      const { data, version } = stateOf(slot)
      const mirror = program.mirrors.get(slot)
      if (mirror?.data === data && mirror.version === version) continue
      this.store(base + offset, data, bool)
      program.mirrors.set(slot, { data, version })
    }
    for (const [run, step] of program.steps) run(this, step)
    const copy = ({ type, offset, count }) => this.load(base + offset, type, count)
    return {
      outputs: Object.fromEntries(plan.outputs.map((output) => [output.slot, copy(output)])),
      updates: plan.updates.map((update) => ({
        update,
        data: copy(update),
        start: update.start === undefined ? undefined : this.ints[base + update.start],
      })),
    }
  }

  /** Rows were written into a state slot's data at `start`: the copy in this memory follows. */
  wrote(id, slot, version, write) {
    const program = this.programs.get(id)
    const mirror = program.mirrors.get(slot)
    const { offset, count } = program.plan.state.find((one) => one.slot === slot) ?? {}
    if (mirror === undefined || offset === undefined) return
    write(this.floats.subarray(program.base + offset, program.base + offset + count))
    mirror.version = version
  }

  /** Where a weight lies, in elements; it is packed or copied the first time. Undefined when packing would change it. */
  weight(weight, read) {
    const form = formOf(weight)
    const found = this.weights.get(form)
    if (found !== undefined) return found.range.start / 4
    const { id, packed, rows, columns, transposed } = weight
    const data = read(id)
    const words = new Uint32Array(data.buffer, data.byteOffset, data.length)
    const range = this.room.take(packed ? packedBytes(rows, columns) : words.length * 4)
    const target = this.words.subarray(range.start / 4, (range.start + range.size) / 4)
    this.weights.set(form, { id, range, programs: new Set() })
    if (!packed) target.set(words)
    else if (!pack(words, rows, columns, transposed, target.fill(0))) {
      this.drop(form)
      return undefined
    }
    return range.start / 4
  }

  store(at, data, bool) {
    if (data instanceof Float32Array) this.floats.set(data, at)
    else if (bool || data instanceof Int32Array) this.ints.set(data, at)
    else throw new Error('a tensor of a packed program has an unexpected type')
  }

  load(at, type, count) {
    if (type === 'f32') return this.floats.slice(at, at + count)
    return type === 'bool' ? Uint8Array.from(this.ints.subarray(at, at + count)) : this.ints.slice(at, at + count)
  }

  ensure(byteLength) {
    const missing = byteLength - this.memory.buffer.byteLength
    if (missing <= 0) return
    this.memory.grow(Math.ceil(missing / PAGE))
    this.view()
  }

  view() {
    const { buffer } = this.memory
    this.floats = new Float32Array(buffer)
    this.ints = new Int32Array(buffer)
    this.words = new Uint32Array(buffer)
  }
}

// A step with its places as offsets into the memory.
function located(step, at) {
  return Object.fromEntries(
    Object.entries(step).map(([name, value]) => [
      name,
      value !== null && value?.space !== undefined ? at(value) : value,
    ]),
  )
}

function formOf({ id, packed, transposed }) {
  return `${id} ${packed ? 'packed' : 'plain'} ${transposed ? 'transposed' : ''}`
}
