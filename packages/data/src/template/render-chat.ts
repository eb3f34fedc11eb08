/**
 * Chat templates as transformers runs them: Jinja2 in an immutable sandbox, with trim_blocks, lstrip_blocks, loop controls and
 * `{% generation %}`. What Python raises, and what is refused here on purpose, ends in one typed error that names the line.
 */
import { EspalierError } from '@espalier/core'
import type { Range } from '../engine/aligned-text.js'
import { entering } from './compile/compile-frame.js'
import { compileBody, type Execute } from './compile/compile-statement.js'
import type { GeneratedText } from './compile/rendering.js'
import { Raised, Refused } from './errors.js'
import { partFromJavaScript } from './from-javascript.js'
import type { Environment } from './library/environment.js'
import { filters } from './library/filters.js'
import { globalsAt } from './library/globals.js'
import { tests } from './library/tests.js'
import { Run } from './run.js'
import { undeclared } from './syntax/names.js'
import { parseTemplate } from './syntax/parse.js'
import { FunctionScope, Symbols } from './syntax/symbols.js'
import { lengthOf, toCodePoints, toUnits } from './values/characters.js'
import type { Value } from './values/values.js'

/** What a template made. */
export interface RenderedChat {
  readonly text: string
  /** What stands between `{% generation %}` and its end, in UTF-16 units of the text, as transformers places it. */
  readonly generated: readonly Range[]
}

const environment: Environment = { filters, tests }

/** A template, compiled once and rendered often. */
export class Template {
  readonly #enter: ReturnType<typeof entering>
  readonly #body: Execute

  /** Throws tokenizer.template when the text is not a template, and for tags that are not run here. */
  constructor(source: string) {
    try {
      const statements = parseTemplate(source)
      if (undeclared(statements, ['self']).has('self')) throw new Refused('the name self is not known here', 1)
      const symbols = new Symbols(new FunctionScope())
      symbols.meet(statements)
      this.#enter = entering(symbols)
      this.#body = compileBody(statements, { symbols, isSoft: false, isInLoop: false })
    } catch (cause) {
      throw templateError('the chat template cannot be read', cause)
    }
  }

  /** The text and its generated parts. variables: values that JSON can hold, bigints too. Throws tokenizer.template with Python's own message. */
  render(variables: Readonly<Record<string, unknown>>, now = new Date()): RenderedChat {
    const run = new Run()
    const root = { text: '' }
    const generated: GeneratedText[] = []
    try {
      const known = new Map<string, Value>(globalsAt(now))
      for (const [name, value] of Object.entries(variables))
        known.set(name, partFromJavaScript(variables, name, value, name))
      const rendering = { run, environment, variables: known, root, generated, out: root }
      const activation = { slots: [], parent: undefined }
      this.#enter(rendering, activation)
      this.#body(rendering, activation)
    } catch (cause) {
      throw templateError('the chat template refused the messages', cause, run.line)
    }
    return { text: root.text, generated: generated.map((part) => placed(root.text, part)) }
  }
}

/** Renders a template once. */
export function renderChat(template: string, variables: Readonly<Record<string, unknown>>): RenderedChat {
  return new Template(template).render(variables)
}

/** Python counts code points; in a macro's text, which is written later, the end is counted too. */
function placed(text: string, { start, text: part }: GeneratedText): Range {
  if (text.startsWith(part, start)) return [start, start + part.length]
  return [start, toUnits(text, toCodePoints(text, start) + lengthOf(part))]
}

function templateError(what: string, cause: unknown, line?: number): EspalierError {
  if (EspalierError.isInstance(cause)) return cause
  const isRaised = cause instanceof Raised
  const isTooDeep = cause instanceof RangeError // the engine's, of its stack; texts and integers are counted before they are made
  if (!(isRaised || isTooDeep || cause instanceof Refused)) throw cause
  const own = isTooDeep ? line : ((cause as Raised | Refused).line ?? line)
  const message = isTooDeep ? 'it is nested too deeply' : (cause as Error).message
  return new EspalierError('tokenizer.template', {
    what,
    got: {
      reason: isRaised && cause.exception !== 'TemplateError' ? `${cause.exception}: ${message}` : message,
      ...(own === undefined ? {} : { line: own }),
    },
    fix: isRaised
      ? 'Compare the roles, contents and their order with what the template expects, or pass another chatTemplate.'
      : 'Take that part out of the template or the messages, or pass another chatTemplate.',
    cause,
  })
}
