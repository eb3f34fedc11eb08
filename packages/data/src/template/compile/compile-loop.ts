/** `{% for %}`: plain, with a condition, with `loop`, and recursive. */

import { Raised } from '../errors.js'
import { namesIn, namesOfTarget, undeclared } from '../syntax/names.js'
import { FunctionScope, Symbols } from '../syntax/symbols.js'
import type { For } from '../syntax/syntax.js'
import { generator, iterate } from '../values/iterate.js'
import { LoopValue, type Recurse } from '../values/loop-value.js'
import { isTrue, type Value } from '../values/values.js'
import { compileExpression, type Evaluate, type Frame } from './compile-expression.js'
import { compileTarget, entering, leaving } from './compile-frame.js'
import type { CompileBody, Execute } from './compile-statement.js'
import { type Activation, capture, type Rendering, write } from './rendering.js'

type Over = (rendering: Rendering, activation: Activation, items: Value, recurse?: Recurse, depth?: number) => number

/** Compiles a loop. */
export function compileLoop(loop: For, frame: Frame, compileBody: CompileBody): Execute {
  for (const { name, use } of [...namesOfTarget(loop.target), ...namesIn([loop])])
    if (use === 'store' && name === 'loop')
      throw new Raised('TemplateSyntaxError', "Can't assign to special loop variable in for-loop target", loop.line)
  const iterated = compileExpression(loop.iterated, frame)
  const outer = frame.symbols
  if (!loop.isRecursive) {
    const over = compileOver(loop, frame, outer.scope, compileBody)
    return (r, a) => over(r, a, iterated(r, a))
  }
  const scope = new FunctionScope(outer.scope)
  const over = compileOver(loop, { ...frame, isInLoop: false }, scope, compileBody)
  return (r, a) => {
    const recurse: Recurse = (items, depth) =>
      capture(r, () => over(r, { slots: [], parent: a }, items, recurse, depth)).text
    write(r, recurse(iterated(r, a), 0) as string)
    return 0
  }
}

function compileOver(loop: For, frame: Frame, scope: FunctionScope, compileBody: CompileBody): Over {
  const symbols = new Symbols(scope, frame.symbols)
  const isExtended = loop.isRecursive || undeclared(loop.body, ['loop']).has('loop')
  const loopSlot = isExtended ? symbols.declareParameter('loop') : undefined
  symbols.meetLoop(loop, 'body')
  const inner: Frame = { symbols, isSoft: false, isInLoop: true }
  const assign = compileTarget(loop.target, inner)
  const filtered = loop.test === undefined ? undefined : compileTest(loop, loop.test, frame, scope)
  const [enter, leave] = [entering(symbols), leaving(symbols)]
  const body = compileBody(loop.body, inner)
  const otherwise = loop.otherwise.length > 0 ? compileElse(loop, frame, scope, compileBody) : undefined
  return (r, a, items, recurse, depth) => {
    const iterable = filtered === undefined ? items : filtered(r, a, items)
    const iterator = iterate(r.run, iterable)
    const context = loopSlot === undefined ? undefined : new LoopValue(iterable, iterator, recurse, depth)
    let isUntouched = true
    for (;;) {
      const { done, value } = context === undefined ? iterator.next() : context.next()
      if (done === true) break
      r.run.step()
      assign(r, a, value)
      if (loopSlot !== undefined) a.slots[loopSlot.index] = context
      enter(r, a)
      const signal = body(r, a)
      if (signal === 1) break
      if (signal === 0) isUntouched = false // as Jinja2: a loop that is always continued counts as empty
    }
    leave(a)
    return isUntouched && otherwise !== undefined ? otherwise(r, a) : 0
  }
}

function compileElse(loop: For, frame: Frame, scope: FunctionScope, compileBody: CompileBody): Execute {
  const symbols = new Symbols(scope, frame.symbols)
  symbols.meetLoop(loop, 'otherwise')
  const [enter, leave] = [entering(symbols), leaving(symbols)]
  const body = compileBody(loop.otherwise, { symbols, isSoft: false, isInLoop: frame.isInLoop })
  return (r, a) => {
    enter(r, a)
    const signal = body(r, a)
    leave(a)
    return signal
  }
}

/** The items that meet the condition; each is asked when its turn comes. */
function compileTest(loop: For, test: For['iterated'], frame: Frame, scope: FunctionScope) {
  const own = new FunctionScope(scope)
  const symbols = new Symbols(own, frame.symbols)
  symbols.meetLoop(loop, 'test')
  const inner: Frame = { symbols, isSoft: false, isInLoop: false }
  const enter = entering(symbols)
  const assign = compileTarget(loop.target, inner)
  const holds: Evaluate = compileExpression(test, inner)
  return (r: Rendering, parent: Activation, items: Value) =>
    generator(function* () {
      const activation: Activation = { slots: [], parent }
      enter(r, activation)
      for (const item of iterate(r.run, items)) {
        assign(r, activation, item)
        if (isTrue(holds(r, activation))) yield item
      }
    })
}
