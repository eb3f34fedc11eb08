/** Macros, call blocks and `{% generation %}`, whose bodies are functions of their own. */

import { Raised, typeError } from '../errors.js'
import { positional } from '../library/environment.js'
import { undeclared } from '../syntax/names.js'
import { FunctionScope, Symbols } from '../syntax/symbols.js'
import type { CallBlock, Generation, Macro } from '../syntax/syntax.js'
import { callValue } from '../values/access.js'
import { macroValue } from '../values/macro-value.js'
import { textOf, typeName, UndefinedValue, type Value } from '../values/values.js'
import { compileCall, compileExpression, type Evaluate, type Frame } from './compile-expression.js'
import { entering } from './compile-frame.js'
import type { CompileBody, Execute } from './compile-statement.js'
import { type Activation, capture, write } from './rendering.js'

/** Compiles a macro's body to what makes the macro. */
function compileBodyOf(node: Macro | CallBlock | Generation, frame: Frame, compileBody: CompileBody): Evaluate {
  const scope = new FunctionScope(frame.symbols.scope)
  const symbols = new Symbols(scope, frame.symbols)
  symbols.meetMacro(node)
  const given = node.kind === 'generation' ? { parameters: [], defaults: [] } : node
  const parameters = given.parameters.map(({ name }) => name)
  const reads = undeclared(node.body, ['caller', 'kwargs', 'varargs'])
  const isOwn = (name: string) => reads.has(name) && !parameters.includes(name)
  const firstDefault = parameters.length - given.defaults.length
  if (reads.has('caller') && parameters.includes('caller') && parameters.indexOf('caller') < firstDefault)
    throw new Raised(
      'TemplateSyntaxError',
      'When defining macros or call blocks the special "caller" argument must be omitted or be given a default.',
      node.line,
    )
  const slots = parameters.map((name) => symbols.find(name)?.index ?? 0)
  for (const name of ['caller', 'kwargs', 'varargs']) if (isOwn(name)) slots.push(symbols.declareParameter(name).index)
  symbols.meetMacro(node)
  const inner: Frame = { symbols, isSoft: false, isInLoop: false }
  const defaults = parameters.map((name, i): Evaluate => {
    const value = given.defaults[i - firstDefault]
    const message = `parameter '${name}' was not provided`
    return value === undefined ? () => new UndefinedValue(message) : compileExpression(value, inner)
  })
  const enter = entering(symbols)
  const body = compileBody(node.body, inner)
  const shape = {
    name: node.kind === 'macro' ? node.name : undefined,
    parameters,
    readsKeywords: isOwn('kwargs'),
    readsPositions: isOwn('varargs'),
    readsCaller: reads.has('caller'),
  }
  return (r, parent) =>
    macroValue(shape, (values) => {
      const { line } = r.run
      const activation: Activation = { slots: [], parent }
      values.forEach((value, i) => {
        activation.slots[slots[i] ?? 0] = value
      })
      enter(r, activation)
      defaults.forEach((value, i) => {
        const slot = slots[i] ?? 0
        if (activation.slots[slot] === undefined) activation.slots[slot] = value(r, activation)
      })
      const { text } = capture(r, () => body(r, activation))
      r.run.line = line
      return text
    })
}

/** Compiles a macro. */
export function compileMacro(macro: Macro, frame: Frame, compileBody: CompileBody): Execute {
  const make = compileBodyOf(macro, frame, compileBody)
  const index = frame.symbols.find(macro.name)?.index ?? 0
  return (r, a) => {
    a.slots[index] = make(r, a)
    return 0
  }
}

/** Compiles a call block. */
export function compileCallBlock(block: CallBlock, frame: Frame, compileBody: CompileBody): Execute {
  const call = compileCall(block.call, frame, compileBodyOf(block, frame, compileBody))
  return (r, a) => {
    write(r, onlyText(call(r, a)))
    return 0
  }
}

/** What a block writes has to be text. Throws TypeError. */
export function onlyText(value: Value): string {
  return textOf(value) ?? typeError(`sequence item 0: expected str instance, ${typeName(value)} found`)
}

/** Compiles `{% generation %}`: what it writes is noted at the end of what the template has written so far, as transformers does. */
export function compileGeneration(block: Generation, frame: Frame, compileBody: CompileBody): Execute {
  const make = compileBodyOf(block, frame, compileBody)
  return (r, a) => {
    const text = callValue(r.run, make(r, a), positional()) as string
    r.generated.push({ start: r.root.text.length, text })
    write(r, text)
    return 0
  }
}
