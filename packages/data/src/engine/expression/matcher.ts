/**
 * Matches an expression in a bounded number of steps. JavaScript's own engine cannot be stopped: one hostile expression in a downloaded
 * tokenizer.json would hang the process. This one backtracks on a stack of its own and counts.
 */
import { EspalierError } from '@espalier/core'
import { testOf } from './character-test.js'
import { shorthandClass } from './classes.js'
import { compile, type Instruction, type Program } from './program.js'
import { shortened } from './refuse.js'
import type { Part, Place } from './syntax.js'

/** Steps left for one text; shared by all matches in it. */
export interface Budget {
  steps: number
}

/** How many steps a text is allowed: a second or so, and more for a long one. */
export function budgetFor(text: string): Budget {
  return { steps: 20_000_000 + 1_000 * text.length }
}

/** An expression ready to match. */
export class Matcher {
  readonly #source: string
  readonly #program: Program

  /** Throws config.unsupported when the expression is too large. */
  constructor(source: string, part: Part) {
    this.#source = source
    this.#program = compile(source, part)
  }

  /** Where a match that starts exactly at a position ends; -1 when there is none. Throws tokenizer.file when the budget is used up. */
  endAt(text: string, position: number, budget: Budget): number {
    return run(this.#program, { text, budget, source: this.#source }, position, -1)
  }
}

interface Input {
  readonly text: string
  readonly budget: Budget
  readonly source: string
}

/** Backtracking points are triples: instruction, position, and the position a run may be shortened to (-1: none). */
function run(program: Program, input: Input, start: number, mustEnd: number): number {
  const { text, budget } = input
  const { code } = program
  const marks = new Array<number>(program.registers).fill(-1)
  const saved: number[] = []
  let next = 0
  let at = start
  for (;;) {
    if (--budget.steps < 0) throw exhausted(input.source, text.length)
    const instruction = code[next]
    let isMatch = true
    if (instruction === undefined) {
      if (mustEnd < 0 || at === mustEnd) return at
      isMatch = false
    } else {
      switch (instruction.op) {
        case 'set': {
          const character = text.codePointAt(at)
          isMatch = character !== undefined && instruction.test(character)
          if (isMatch) at += (character as number) > 0xffff ? 2 : 1
          next += 1
          break
        }
        case 'split':
          saved.push(instruction.second, at, -1)
          next = instruction.first
          break
        case 'jump':
          next = instruction.to
          break
        case 'run': {
          let count = 0
          let shortest = instruction.min === 0 ? at : -1
          while (count < instruction.max) {
            const character = text.codePointAt(at)
            if (character === undefined || !instruction.test(character)) break
            at += character > 0xffff ? 2 : 1
            count += 1
            if (count === instruction.min) shortest = at
          }
          budget.steps -= count
          isMatch = count >= instruction.min
          next += 1
          if (isMatch && instruction.gives && at > shortest) saved.push(next, at, shortest)
          break
        }
        case 'look':
          isMatch = looks(instruction, input, at) !== instruction.negative
          next += 1
          break
        case 'atomic': {
          const end = run(instruction.program, input, at, -1)
          isMatch = end >= 0
          at = end
          next += 1
          break
        }
        case 'place':
          isMatch = isPlace(instruction.at, text, at)
          next += 1
          break
        case 'mark':
          saved.push(-1 - instruction.register, marks[instruction.register] as number, -1)
          marks[instruction.register] = at
          next += 1
          break
        case 'moved':
          next = marks[instruction.register] === at ? instruction.exit : next + 1
          break
      }
    }
    if (isMatch) continue
    for (;;) {
      const shortest = saved.pop()
      if (shortest === undefined) return -1
      const position = saved.pop() as number
      const target = saved.pop() as number
      if (target < 0) {
        marks[-1 - target] = position
        continue
      }
      next = target
      at = position
      if (shortest >= 0) {
        at -= isPairBefore(text, position) ? 2 : 1
        if (at > shortest) saved.push(target, at, shortest)
      }
      break
    }
  }
}

function looks(look: Extract<Instruction, { op: 'look' }>, input: Input, at: number): boolean {
  if (!look.behind) return run(look.program, input, at, -1) >= 0
  const first = Math.max(0, at - look.most)
  for (let start = at; start >= first; start--) {
    if (start < at && isPairBefore(input.text, start + 1)) continue
    if (run(look.program, input, start, at) === at) return true
  }
  return false
}

function isPairBefore(text: string, at: number): boolean {
  const low = text.charCodeAt(at - 1)
  if (low < 0xdc00 || low > 0xdfff || at < 2) return false
  const high = text.charCodeAt(at - 2)
  return high >= 0xd800 && high <= 0xdbff
}

const isWord = testOf(shorthandClass('w', false) as string)

function isPlace(place: Place, text: string, at: number): boolean {
  switch (place) {
    case 'text start':
      return at === 0
    case 'text end':
      return at === text.length
    case 'last line end':
      return at === text.length || (at === text.length - 1 && text[at] === '\n')
    case 'line start':
      return at === 0 || (text[at - 1] === '\n' && at < text.length)
    case 'line end':
      return at === text.length || text[at] === '\n'
    default: {
      const before = at > 0 && isWord(text.codePointAt(at - (isPairBefore(text, at) ? 2 : 1)) as number)
      const after = at < text.length && isWord(text.codePointAt(at) as number)
      return (before !== after) === (place === 'word edge')
    }
  }
}

function exhausted(source: string, characters: number): EspalierError {
  return new EspalierError('tokenizer.file', {
    what: 'an expression of tokenizer.json takes too many steps on a text',
    got: { file: 'tokenizer.json', expression: shortened(source), characters },
    fix: 'Use a tokenizer without it: it repeats what already repeats, and most texts would never end.',
  })
}
