/** Statements as functions of a rendering. Loops are in compile-loop.ts, macros in compile-macro.ts. */

import { Raised } from '../errors.js'
import { Symbols } from '../syntax/symbols.js'
import type { AssignBlock, FilterBlock, If, Statement, With } from '../syntax/syntax.js'
import { str } from '../values/repr.js'
import { isTrue } from '../values/values.js'
import { compileExpression, compileFilter, type Evaluate, type Frame, soft } from './compile-expression.js'
import { compileTarget, compileTargetCheck, entering, leaving } from './compile-frame.js'
import { compileLoop } from './compile-loop.js'
import { compileCallBlock, compileGeneration, compileMacro, onlyText } from './compile-macro.js'
import { type Activation, capture, type Rendering, write } from './rendering.js'

/** A compiled statement. Gives 0 when it ran to its end, 1 after break, 2 after continue. */
export type Execute = (rendering: Rendering, activation: Activation) => number

/** Compiles statements in a frame. */
export type CompileBody = (statements: readonly Statement[], frame: Frame) => Execute

/** Compiles statements. Throws TemplateSyntaxError. */
export function compileBody(statements: readonly Statement[], frame: Frame): Execute {
  const compiled = statements.map((statement) => {
    const execute = compileStatement(statement, frame)
    const { line } = statement
    return (r: Rendering, a: Activation) => {
      r.run.step()
      r.run.line = line
      return execute(r, a)
    }
  })
  return (r, a) => {
    for (const execute of compiled) {
      const signal = execute(r, a)
      if (signal !== 0) return signal
    }
    return 0
  }
}

function compileStatement(statement: Statement, frame: Frame): Execute {
  switch (statement.kind) {
    case 'output':
      return compileOutput(statement.parts, frame)
    case 'for':
      return compileLoop(statement, frame, compileBody)
    case 'if':
      return compileIf(statement, frame)
    case 'macro':
      return compileMacro(statement, frame, compileBody)
    case 'call block':
      return compileCallBlock(statement, frame, compileBody)
    case 'generation':
      return compileGeneration(statement, frame, compileBody)
    case 'filter block':
      return compileFilterBlock(statement, frame)
    case 'with':
      return compileWith(statement, frame)
    case 'assign': {
      const check = compileTargetCheck(statement.target, frame)
      const value = compileExpression(statement.value, frame)
      const assign = compileTarget(statement.target, frame)
      return (r, a) => {
        check?.(a)
        assign(r, a, value(r, a))
        return 0
      }
    }
    case 'assign block':
      return compileAssignBlock(statement, frame)
    case 'break':
    case 'continue': {
      if (!frame.isInLoop) throw new Raised('TemplateSyntaxError', `'${statement.kind}' outside loop`, statement.line)
      const signal = statement.kind === 'break' ? 1 : 2
      return () => signal
    }
  }
}

function compileOutput(parts: (Statement & { kind: 'output' })['parts'], frame: Frame): Execute {
  const writers = parts.map((part): ((r: Rendering, a: Activation) => void) => {
    if (typeof part === 'string') return (r) => write(r, part)
    const value: Evaluate = compileExpression(part, frame)
    const { line } = part
    return (r, a) => {
      r.run.line = line
      write(r, str(r.run, value(r, a)))
    }
  })
  return (r, a) => {
    for (const writer of writers) writer(r, a)
    return 0
  }
}

function compileIf({ test, body, alternatives, otherwise }: If, frame: Frame): Execute {
  const inner = soft(frame)
  const branches = [{ test, body }, ...alternatives].map((branch) => ({
    test: compileExpression(branch.test, inner),
    body: compileBody(branch.body, inner),
  }))
  const last = compileBody(otherwise, inner)
  return (r, a) => {
    for (const branch of branches) if (isTrue(branch.test(r, a))) return branch.body(r, a)
    return last(r, a)
  }
}

/** A frame inside the same function. */
function innerFrame(frame: Frame): Frame {
  const { symbols } = frame
  return { symbols: new Symbols(symbols.scope, symbols), isSoft: false, isInLoop: frame.isInLoop }
}

function compileFilterBlock({ filter, body }: FilterBlock, frame: Frame): Execute {
  const inner = innerFrame(frame)
  inner.symbols.meetFilterBlock(body, filter)
  const [enter, leave] = [entering(inner.symbols), leaving(inner.symbols)]
  const run = compileBody(body, inner)
  let held = ''
  const filtered = compileFilter(filter, inner, () => held)
  return (r, a) => {
    enter(r, a)
    const { text, result } = capture(r, () => run(r, a))
    if (result !== 0) return result
    held = text
    write(r, onlyText(filtered(r, a)))
    leave(a)
    return 0
  }
}

function compileWith(block: With, frame: Frame): Execute {
  const inner = innerFrame(frame)
  inner.symbols.meetWith(block)
  const [enter, leave] = [entering(inner.symbols), leaving(inner.symbols)]
  const assigns = block.targets.map((target) => compileTarget(target, inner))
  const values = block.values.map((value) => compileExpression(value, frame))
  const body = compileBody(block.body, inner)
  return (r, a) => {
    enter(r, a)
    for (const [i, value] of values.entries()) assigns[i]?.(r, a, value(r, a))
    const signal = body(r, a)
    if (signal === 0) leave(a)
    return signal
  }
}

function compileAssignBlock({ target, filter, body }: AssignBlock, frame: Frame): Execute {
  const inner = innerFrame(frame)
  inner.symbols.meet(body)
  const [enter, leave] = [entering(inner.symbols), leaving(inner.symbols)]
  const run = compileBody(body, inner)
  let held = ''
  const filtered = filter === undefined ? undefined : compileFilter(filter, inner, () => held)
  const check = compileTargetCheck(target, frame)
  const assign = compileTarget(target, frame)
  return (r, a) => {
    enter(r, a)
    const { text, result } = capture(r, () => run(r, a))
    if (result !== 0) return result
    held = text
    check?.(a)
    assign(r, a, filtered === undefined ? text : filtered(r, a))
    leave(a)
    return 0
  }
}
