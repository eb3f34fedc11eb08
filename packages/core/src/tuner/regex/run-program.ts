/**
 * Running a program on a text, in the order of preference that Python's matcher has. A pair of instruction and position that was
 * tried once is not tried again: it would fail again. So the time grows with the product of both lengths, whatever the pattern.
 * References make a pair's outcome depend on its past; such programs, and looks ahead and behind, are held by a number of steps.
 */
import { escapeSet, sameWithoutCase } from './code-sets.js'
import type { Program } from './program.js'
import { type Place, patternFault } from './syntax.js'

/** Where groups begin and end: group i at 2i and 2i + 1. */
export type Slots = readonly (number | undefined)[]

const MOST_STEPS = 500_000 // of one match: some milliseconds; usual patterns take some hundreds

/** The slots of the preferred match; undefined when the text does not begin with a match. Throws config.value for patterns that take too many steps. */
export function runProgram(program: Program, text: string): Slots | undefined {
  return new Run(program, text).from(0, 0, [])
}

class Run {
  private readonly codes: readonly number[]
  private steps = 0
  private readonly looks = new Map<number, boolean>()

  constructor(
    private readonly program: Program,
    text: string,
  ) {
    this.codes = Array.from(text, (character) => character.codePointAt(0) as number)
  }

  /** The slots of the preferred match from here; it must end at `end` when that is given. */
  from(first: number, start: number, slotsBefore: Slots, end?: number): Slots | undefined {
    const { instructions, hasReferences, pattern } = this.program
    const width = this.codes.length + 1
    const tried = new Set<number>()
    // A stack of what is left to try: instruction, position and slots.
    const waiting: [number, number, Slots][] = [[first, start, slotsBefore]]
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      let [index, position, slots] = next
      for (;;) {
        if (++this.steps > MOST_STEPS) throw patternFault(pattern, 'it takes too many steps to match')
        const key = index * width + position
        if (!hasReferences) {
          if (tried.has(key)) break
          tried.add(key)
        }
        const instruction = instructions[index]
        if (instruction === undefined) break
        if (instruction.do === 'done') {
          if (end === undefined || end === position) return slots
          break
        }
        if (instruction.do === 'take') {
          const code = this.codes[position]
          if (code === undefined || !instruction.has(code)) break
          position++
        } else if (instruction.do === 'at') {
          if (!this.isAt(instruction.place, position)) break
        } else if (instruction.do === 'save') {
          this.steps += slots.length >> 4 // copying counts
          slots = replaced(slots, instruction.slot, position)
        } else if (instruction.do === 'reference') {
          const taken = this.repeats(slots, instruction.group, instruction.fold, position)
          if (taken === undefined) break
          position += taken
        } else if (instruction.do === 'look') {
          const seen = this.seen(instruction, key, position, slots)
          if ((seen === undefined) !== instruction.negative) break
          slots = seen ?? slots
        } else if (instruction.do === 'advance') {
          if (slots[instruction.slot] === position) index++ // past the jump back
        }
        if (instruction.do === 'fork') {
          waiting.push([instruction.second, position, slots])
          index = instruction.first
        } else if (instruction.do === 'jump' || instruction.do === 'look') index = instruction.to
        else index++
      }
    }
    return undefined
  }

  /** The slots after what must lie ahead or behind; undefined when it does not. */
  private seen(
    { from, behind }: { readonly from: number; readonly behind: number | undefined },
    key: number,
    position: number,
    slots: Slots,
  ): Slots | undefined {
    const known = this.program.hasReferences ? undefined : this.looks.get(key)
    if (known !== undefined) return known ? slots : undefined
    const start = position - (behind ?? 0)
    const found = start < 0 ? undefined : this.from(from, start, slots, behind === undefined ? undefined : position)
    this.looks.set(key, found !== undefined)
    return found
  }

  /** How many characters a repeated group takes here. */
  private repeats(slots: Slots, group: number, fold: boolean, position: number): number | undefined {
    const [start, end] = [slots[2 * group], slots[2 * group + 1]]
    if (start === undefined || end === undefined) return undefined
    for (let i = start; i < end; i++) {
      const [want, got] = [this.codes[i] as number, this.codes[position + i - start]]
      if (got === undefined || (want !== got && !(fold && sameWithoutCase(want, got)))) return undefined
    }
    return end - start
  }

  private isAt(place: Place, position: number): boolean {
    const { codes } = this
    const last = codes.length
    switch (place) {
      case 'start':
        return position === 0
      case 'very-end':
        return position === last
      case 'end':
        return position === last || (position === last - 1 && codes[position] === LINE_BREAK)
      case 'line-start':
        return position === 0 || codes[position - 1] === LINE_BREAK
      case 'line-end':
        return position === last || codes[position] === LINE_BREAK
      case 'word-edge':
        return this.isWord(position - 1) !== this.isWord(position)
      case 'not-word-edge':
        // Python before 3.14: an empty text has no place that is no edge.
        return last > 0 && this.isWord(position - 1) === this.isWord(position)
    }
  }

  private isWord(position: number): boolean {
    const code = this.codes[position]
    return code !== undefined && WORD(code)
  }
}

const LINE_BREAK = 10
const WORD = escapeSet('w', false) as (code: number) => boolean

function replaced(slots: Slots, slot: number, value: number): Slots {
  const copy = slots.slice()
  copy[slot] = value
  return copy
}
