/** The parts of a parsed template. Fields stand in the order in which Jinja2 visits them, which decides what a name means. */
import type { Operator } from '../values/arithmetic.js'
import type { Value } from '../values/values.js'

/** An operator that compares. */
export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'not in'

/** A name: read, assigned, or a parameter. */
export interface Name {
  readonly kind: 'name'
  readonly name: string
  readonly use: 'load' | 'store' | 'parameter'
  readonly line: number
}

/** `namespace.attribute` as what is assigned to. */
export interface NamespaceAttribute {
  readonly kind: 'namespace attribute'
  readonly name: string
  readonly attribute: string
  readonly line: number
}

/** What can be assigned to. */
export type Target = Name | NamespaceAttribute | TupleTarget

export interface TupleTarget {
  readonly kind: 'tuple target'
  readonly items: readonly Target[]
  readonly line: number
}

/** Arguments of a call, a filter or a test. */
export interface CallArguments {
  readonly args: readonly Expression[]
  readonly named: readonly (readonly [name: string, value: Expression])[]
  /** After `*`. */
  readonly list: Expression | undefined
  /** After `**`. */
  readonly dict: Expression | undefined
}

export interface Filter extends CallArguments {
  readonly kind: 'filter'
  /** undefined: what a block holds. */
  readonly value: Expression | undefined
  readonly name: string
  readonly line: number
}

export interface Test extends CallArguments {
  readonly kind: 'test'
  readonly value: Expression
  readonly name: string
  readonly line: number
}

export interface Call extends CallArguments {
  readonly kind: 'call'
  readonly callee: Expression
  readonly line: number
}

export type Expression =
  | Name
  | Filter
  | Test
  | Call
  | { readonly kind: 'constant'; readonly value: Value; readonly line: number }
  | { readonly kind: 'tuple' | 'list'; readonly items: readonly Expression[]; readonly line: number }
  | {
      readonly kind: 'dict'
      readonly pairs: readonly (readonly [key: Expression, value: Expression])[]
      readonly line: number
    }
  | {
      readonly kind: 'binary'
      readonly operator: Operator | 'and' | 'or'
      readonly left: Expression
      readonly right: Expression
      readonly line: number
    }
  | { readonly kind: 'unary'; readonly operator: '-' | '+' | 'not'; readonly value: Expression; readonly line: number }
  | {
      readonly kind: 'compare'
      readonly first: Expression
      readonly rest: readonly (readonly [Comparison, Expression])[]
      readonly line: number
    }
  | { readonly kind: 'concat'; readonly parts: readonly Expression[]; readonly line: number }
  | { readonly kind: 'attribute'; readonly value: Expression; readonly name: string; readonly line: number }
  | { readonly kind: 'item'; readonly value: Expression; readonly key: Expression; readonly line: number }
  | {
      readonly kind: 'slice'
      readonly start: Expression | undefined
      readonly stop: Expression | undefined
      readonly step: Expression | undefined
      readonly line: number
    }
  | {
      readonly kind: 'conditional'
      readonly test: Expression
      readonly yes: Expression
      readonly no: Expression | undefined
      readonly line: number
    }

/** Parameters of a macro or a call block. */
export interface Parameters {
  readonly parameters: readonly Name[]
  /** Of the last parameters. */
  readonly defaults: readonly Expression[]
}

export interface For {
  readonly kind: 'for'
  readonly target: Target
  readonly iterated: Expression
  readonly body: readonly Statement[]
  readonly otherwise: readonly Statement[]
  readonly test: Expression | undefined
  readonly isRecursive: boolean
  readonly line: number
}

export interface If {
  readonly kind: 'if'
  readonly test: Expression
  readonly body: readonly Statement[]
  readonly alternatives: readonly If[]
  readonly otherwise: readonly Statement[]
  readonly line: number
}

export interface Macro extends Parameters {
  readonly kind: 'macro'
  readonly name: string
  readonly body: readonly Statement[]
  readonly line: number
}

export interface CallBlock extends Parameters {
  readonly kind: 'call block'
  readonly call: Call
  readonly body: readonly Statement[]
  readonly line: number
}

/** `{% generation %}`: what the model wrote. */
export interface Generation {
  readonly kind: 'generation'
  readonly body: readonly Statement[]
  readonly line: number
}

export interface FilterBlock {
  readonly kind: 'filter block'
  readonly body: readonly Statement[]
  readonly filter: Filter
  readonly line: number
}

export interface Assign {
  readonly kind: 'assign'
  readonly target: Target
  readonly value: Expression
  readonly line: number
}

export interface AssignBlock {
  readonly kind: 'assign block'
  readonly target: Target
  readonly filter: Filter | undefined
  readonly body: readonly Statement[]
  readonly line: number
}

export interface With {
  readonly kind: 'with'
  readonly targets: readonly Target[]
  readonly values: readonly Expression[]
  readonly body: readonly Statement[]
  readonly line: number
}

export type Statement =
  | For
  | If
  | Macro
  | CallBlock
  | Generation
  | FilterBlock
  | Assign
  | AssignBlock
  | With
  | { readonly kind: 'output'; readonly parts: readonly (string | Expression)[]; readonly line: number }
  | { readonly kind: 'break' | 'continue'; readonly line: number }
