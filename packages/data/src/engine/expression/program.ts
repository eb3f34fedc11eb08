/** An expression as a program for the matcher. */
import { type CharacterTest, testOf } from './character-test.js'
import { refuse } from './refuse.js'
import { type Part, type Place, unitsOf } from './syntax.js'

const MOST_INSTRUCTIONS = 20_000

/** One instruction of a program. */
export type Instruction =
  | { readonly op: 'set'; readonly test: CharacterTest }
  /** Tries `first`, then `second` when what follows fails. */
  | { readonly op: 'split'; first: number; second: number }
  | { readonly op: 'jump'; to: number }
  /** As many characters as match, then fewer. */
  | {
      readonly op: 'run'
      readonly test: CharacterTest
      readonly min: number
      readonly max: number
      readonly gives: boolean
    }
  | {
      readonly op: 'look'
      readonly program: Program
      readonly behind: boolean
      readonly negative: boolean
      readonly most: number
    }
  | { readonly op: 'atomic'; readonly program: Program }
  | { readonly op: 'place'; readonly at: Place }
  /** Remembers the position; `moved` fails where nothing was taken since. */
  | { readonly op: 'mark'; readonly register: number }
  | { readonly op: 'moved'; readonly register: number; exit: number }

/** Instructions, and how many positions they remember. */
export interface Program {
  readonly code: readonly Instruction[]
  readonly registers: number
}

/** Throws config.unsupported when the program would be too large. */
export function compile(source: string, part: Part): Program {
  const code: Instruction[] = []
  let registers = 0
  const add = (instruction: Instruction) => {
    if (code.push(instruction) > MOST_INSTRUCTIONS) throw refuse(source, 'it is too large')
    return instruction
  }
  const emit = (current: Part): void => {
    switch (current.kind) {
      case 'set':
        add({ op: 'set', test: testOf(current.source) })
        return
      case 'sequence':
        for (const item of current.parts) emit(item)
        return
      case 'choice': {
        const ends: { to: number }[] = []
        for (const option of current.options.slice(0, -1)) {
          const split = add({ op: 'split', first: code.length + 1, second: -1 }) as { second: number }
          emit(option)
          ends.push(add({ op: 'jump', to: -1 }) as { to: number })
          split.second = code.length
        }
        emit(current.options.at(-1) as Part)
        for (const end of ends) end.to = code.length
        return
      }
      case 'repeat':
        emitRepeat(current)
        return
      case 'look': {
        const { most } = unitsOf(current.part)
        if (current.behind && !Number.isFinite(most)) throw refuse(source, 'a look-behind has no longest match')
        const program = compile(source, current.part)
        add({ op: 'look', program, behind: current.behind, negative: current.negative, most })
        return
      }
      case 'atomic':
        add({ op: 'atomic', program: compile(source, current.part) })
        return
      case 'place':
        add({ op: 'place', at: current.at })
    }
  }
  const emitRepeat = ({ part: inner, min, max, mode }: Extract<Part, { kind: 'repeat' }>): void => {
    if (inner.kind === 'set' && mode !== 'lazy') {
      add({ op: 'run', test: testOf(inner.source), min, max, gives: mode === 'greedy' })
      return
    }
    if (mode === 'possessive') {
      add({ op: 'atomic', program: compile(source, { kind: 'repeat', part: inner, min, max, mode: 'greedy' }) })
      return
    }
    for (let count = 0; count < min; count++) emit(inner)
    const split = () => add({ op: 'split', first: -1, second: -1 }) as { first: number; second: number }
    const point = (target: { first: number; second: number }, more: number, exit: number) => {
      target.first = mode === 'lazy' ? exit : more
      target.second = mode === 'lazy' ? more : exit
    }
    if (Number.isFinite(max)) {
      const splits = Array.from({ length: max - min }, () => {
        const made = split()
        const more = code.length
        emit(inner)
        return { made, more }
      })
      for (const { made, more } of splits) point(made, more, code.length)
      return
    }
    const canBeEmpty = unitsOf(inner).least === 0
    const top = code.length
    const made = split()
    const more = code.length
    const register = registers
    if (canBeEmpty) {
      registers += 1
      add({ op: 'mark', register })
    }
    emit(inner)
    const moved = canBeEmpty ? (add({ op: 'moved', register, exit: -1 }) as { exit: number }) : undefined
    add({ op: 'jump', to: top })
    point(made, more, code.length)
    if (moved !== undefined) moved.exit = code.length
  }
  emit(part)
  return { code, registers }
}
