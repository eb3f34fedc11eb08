/** A map whose keys are programs: what a backend keeps compiled ones in. */
import { type Program, programKey, programRoots, programSlots } from './program.js'

/**
 * A map by program, in which two that are the same graph over the same slots are one key. Their texts are compared only where names,
 * slots and results agree: the text of a deep model takes a while.
 */
export class ProgramMap<V> {
  private readonly entries = new Map<string, { readonly program: Program; readonly value: V }[]>()

  /** What was set for this program, or for one like it. */
  get(program: Program): V | undefined {
    return this.alike(program).find((entry) => isSame(entry.program, program))?.value
  }

  /** Keeps a value, in place of the one before. */
  set(program: Program, value: V): void {
    this.entries.set(sketch(program), [...this.others(program), { program, value }])
  }

  /** Forgets a program. */
  delete(program: Program): void {
    const others = this.others(program)
    if (others.length > 0) this.entries.set(sketch(program), others)
    else this.entries.delete(sketch(program))
  }

  /** All values. */
  values(): V[] {
    return [...this.entries.values()].flat().map(({ value }) => value)
  }

  private alike(program: Program) {
    return this.entries.get(sketch(program)) ?? []
  }

  private others(program: Program) {
    return this.alike(program).filter((entry) => !isSame(entry.program, program))
  }
}

function isSame(a: Program, b: Program): boolean {
  return a === b || programKey(a) === programKey(b)
}

const sketches = new WeakMap<Program, string>()

// What tells most programs apart, found without looking at their nodes again.
function sketch(program: Program): string {
  const known = sketches.get(program)
  if (known !== undefined) return known
  const slots = Object.entries(programSlots(program)).flatMap(([kind, specs]) =>
    [...specs].map(([name, { dtype, shape }]) => `${kind} ${name} ${dtype}[${shape.join(',')}]`),
  )
  const results = [...Object.keys(program.outputs), ...Object.keys(program.updates ?? {})]
  const specs = programRoots(program).map(({ dtype, shape }) => `${dtype}[${shape.join(',')}]`)
  const made = [program.name, ...slots, ...results, ...specs].join('\n')
  sketches.set(program, made)
  return made
}
