/**
 * Where each name of a template lives. Jinja2 compiles templates to Python functions and decides for every frame, before it runs, which
 * names are its own: a name that is set anywhere in a frame begins there as what it is outside. The same is decided here in the same way.
 */
import { namesOf, namesOfTarget } from './names.js'
import type { CallBlock, Expression, For, Generation, If, Macro, Statement, Target, With } from './syntax.js'

/** A variable of a function. */
export interface Slot {
  readonly owner: FunctionScope
  readonly index: number
}

/** What Python would compile to one function: the template, a macro, a recursive loop. Its variables have a place for each name and level. */
export class FunctionScope {
  readonly depth: number
  readonly #slots = new Map<string, Slot>()

  constructor(parent?: FunctionScope) {
    this.depth = parent === undefined ? 0 : parent.depth + 1
  }

  slot(level: number, name: string): Slot {
    const key = `${level}_${name}`
    const slot = this.#slots.get(key) ?? { owner: this, index: this.#slots.size }
    this.#slots.set(key, slot)
    return slot
  }
}

/** What a variable holds when its frame is entered. */
export type Load =
  | { readonly kind: 'parameter' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'resolve'; readonly name: string }
  | { readonly kind: 'alias'; readonly slot: Slot }

/** The names of one frame. */
export class Symbols {
  readonly scope: FunctionScope
  readonly #parent: Symbols | undefined
  readonly #level: number
  #refs = new Map<string, Slot>()
  #loads = new Map<Slot, Load>()
  #stores = new Set<string>()

  constructor(scope: FunctionScope, parent?: Symbols) {
    this.scope = scope
    this.#parent = parent
    this.#level = parent === undefined ? 0 : parent.#level + 1
  }

  /** What is done on entering the frame, in order. */
  get loads(): ReadonlyMap<Slot, Load> {
    return this.#loads
  }

  /** The variable of a name; undefined when the frames know none. */
  find(name: string): Slot | undefined {
    return this.#refs.get(name) ?? this.#parent?.find(name)
  }

  declareParameter(name: string): Slot {
    this.#stores.add(name)
    return this.#define(name, { kind: 'parameter' })
  }

  load(name: string): void {
    if (this.find(name) === undefined) this.#define(name, { kind: 'resolve', name })
  }

  store(name: string): void {
    this.#stores.add(name)
    if (this.#refs.has(name)) return
    const outer = this.#parent?.find(name)
    this.#define(name, outer === undefined ? { kind: 'missing' } : { kind: 'alias', slot: outer })
  }

  #define(name: string, load: Load): Slot {
    const slot = this.scope.slot(this.#level, name)
    this.#refs.set(name, slot)
    this.#loads.set(slot, load)
    return slot
  }

  copy(): Symbols {
    const copy = new Symbols(this.scope, this.#parent)
    copy.#refs = new Map(this.#refs)
    copy.#loads = new Map(this.#loads)
    copy.#stores = new Set(this.#stores)
    return copy
  }

  /** Joins what branches did. A name that a branch sets begins as what it is outside, for the other branches. */
  join(branches: readonly Symbols[]): void {
    const stores = new Set(branches.flatMap((branch) => [...branch.#stores].filter((name) => !this.#stores.has(name))))
    for (const branch of branches) {
      for (const [name, slot] of branch.#refs) this.#refs.set(name, slot)
      for (const [slot, load] of branch.#loads) this.#loads.set(slot, load)
      for (const name of branch.#stores) this.#stores.add(name)
    }
    for (const name of stores) {
      const slot = this.find(name)
      if (slot === undefined) continue
      const outer = this.#parent?.find(name)
      this.#loads.set(slot, outer === undefined ? { kind: 'resolve', name } : { kind: 'alias', slot: outer })
    }
  }

  /** Meets the names of a frame's statements. */
  meet(statements: readonly Statement[]): void {
    new Visitor(this).visit(statements)
  }

  /** Meets the names of a loop's frame: its body, what stands after else, or its condition. */
  meetLoop(loop: For, part: 'body' | 'otherwise' | 'test'): void {
    if (part !== 'otherwise') for (const { name } of namesOfTarget(loop.target)) this.declareParameter(name)
    if (part === 'test') new Visitor(this).expressions([loop.test])
    else this.meet(loop[part])
  }

  /** Meets the names of a macro's frame. */
  meetMacro(macro: Macro | CallBlock | Generation): void {
    if (macro.kind !== 'generation') {
      for (const { name } of macro.parameters) this.declareParameter(name)
      new Visitor(this).expressions(macro.defaults)
    }
    this.meet(macro.body)
  }

  /** Meets the names of a filter block's frame. */
  meetFilterBlock(body: readonly Statement[], filter: Expression): void {
    this.meet(body)
    new Visitor(this).expressions([filter])
  }

  /** Meets the names of a with block's frame. */
  meetWith({ targets, body }: With): void {
    for (const target of targets) for (const { name } of namesOfTarget(target)) this.declareParameter(name)
    this.meet(body)
  }
}

/** Walks one frame; what has a frame of its own is left to that. */
class Visitor {
  #symbols: Symbols

  constructor(symbols: Symbols) {
    this.#symbols = symbols
  }

  expressions(expressions: readonly (Expression | undefined)[]): void {
    for (const expression of expressions)
      if (expression !== undefined) for (const { name } of namesOf(expression)) this.#symbols.load(name)
  }

  visit(statements: readonly Statement[]): void {
    for (const statement of statements) this.#statement(statement)
  }

  #statement(statement: Statement): void {
    switch (statement.kind) {
      case 'output':
        this.expressions(statement.parts.filter((part) => typeof part !== 'string'))
        break
      case 'for':
        this.expressions([statement.iterated])
        break
      case 'if':
        this.#if(statement)
        break
      case 'macro':
        this.#symbols.store(statement.name)
        break
      case 'call block':
        this.expressions([statement.call])
        break
      case 'filter block':
        this.expressions([statement.filter])
        break
      case 'with':
        this.expressions(statement.values)
        break
      case 'assign':
        this.expressions([statement.value])
        this.#target(statement.target)
        break
      case 'assign block':
        this.#target(statement.target)
        break
    }
  }

  #target(target: Target): void {
    if (target.kind === 'name') this.#symbols.store(target.name)
    else if (target.kind === 'namespace attribute') this.#symbols.load(target.name)
    else for (const item of target.items) this.#target(item)
  }

  #if({ test, body, alternatives, otherwise }: If): void {
    this.expressions([test])
    const own = this.#symbols
    const branches = [body, alternatives, otherwise].map((statements) => {
      this.#symbols = own.copy()
      this.visit(statements)
      return this.#symbols
    })
    this.#symbols = own
    own.join(branches)
  }
}
