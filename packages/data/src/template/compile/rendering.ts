/** One rendering as compiled templates see it: variables, output, and the variables of the functions that run. */
import type { Environment } from '../library/environment.js'
import type { Run } from '../run.js'
import type { FunctionScope, Slot } from '../syntax/symbols.js'
import type { Value } from '../values/values.js'

/** A text that is being written. */
export interface Buffer {
  text: string
}

/** What a template wrote between `{% generation %}` and its end: where the text written so far ended, and the text. */
export interface GeneratedText {
  readonly start: number
  readonly text: string
}

export interface Rendering {
  readonly run: Run
  readonly environment: Environment
  /** What names mean that the template does not set. */
  readonly variables: ReadonlyMap<string, Value>
  /** What the template itself writes, outside macros and blocks that keep their text. */
  readonly root: Buffer
  readonly generated: GeneratedText[]
  /** Where output goes now. */
  out: Buffer
}

/** The variables of one call of a function; undefined: not set. */
export interface Activation {
  readonly slots: (Value | undefined)[]
  readonly parent: Activation | undefined
}

/** Writes to the output. */
export function write(rendering: Rendering, text: string): void {
  rendering.run.text(text.length)
  rendering.out.text += text
}

/** What a function writes, instead of writing it. */
export function capture<T>(rendering: Rendering, inner: () => T): { readonly text: string; readonly result: T } {
  const outer = rendering.out
  const buffer = { text: '' }
  rendering.out = buffer
  const result = inner()
  rendering.out = outer
  return { text: buffer.text, result }
}

/** Reads a variable from a function. */
export function reader(slot: Slot, scope: FunctionScope): (activation: Activation) => Value | undefined {
  const { index } = slot
  const hops = scope.depth - slot.owner.depth
  if (hops === 0) return ({ slots }) => slots[index]
  return (activation) => {
    let owner: Activation | undefined = activation
    for (let i = 0; i < hops; i++) owner = owner?.parent
    return owner?.slots[index]
  }
}
