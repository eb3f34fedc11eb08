/** Modules: plain immutable trees whose paths are Hugging Face's own, so targets, patterns and file keys need no translation. */
import type { Tensor } from '../graph/tensor.js'
import type { Context } from './context.js'
import { Parameter } from './parameter.js'

const MARK = Symbol.for('espalier.module')

/**
 * A part of a model. Its children are its own fields: modules, arrays of modules and Parameters, in order; a field's name is its path
 * segment. Fields are public and readonly (`#private` would not survive a copy).
 */
export abstract class Module {
  /** What a printed tree calls it: its class, unless it has a better name. */
  get printedName(): string {
    return this.constructor.name
  }

  /** Whether it stands for one parameter, whose path is its own: a tensor among others of a module, that tuners may target. */
  get isParameter(): boolean {
    return false
  }

  /** The output for an input, as graph nodes. */
  abstract forward(x: Tensor, context: Context): Tensor
}
Object.defineProperty(Module.prototype, MARK, { value: true })

/** Whether a value is a Module, from this or another copy of the package. */
export function isModule(value: unknown): value is Module {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[MARK] === true
}

/** A child and its path segment, `q_proj` or `layers.0`. */
export interface Child<T> {
  readonly name: string
  readonly value: T
}

/** The modules directly below, in order of their fields. */
export function childModules(module: Module): Child<Module>[] {
  return Object.entries(module).flatMap(([name, value]) => {
    if (isModule(value)) return [{ name, value }]
    return Array.isArray(value)
      ? value.flatMap((item, i) => (isModule(item) ? [{ name: `${name}.${i}`, value: item }] : []))
      : []
  })
}

/** The parameters directly in a module: Parameter fields, and those of Weight fields. */
export function ownParameters(module: Module): Parameter[] {
  return childParameters(module).map(({ value }) => value)
}

/** The parameters directly in a module with the names that files give them below it: the field's, unless a Weight holds several. */
export function childParameters(module: Module): Child<Parameter>[] {
  return Object.entries(module).flatMap(([name, value]) => {
    if (Parameter.isInstance(value)) return [{ name, value }]
    const held = (value as { parameters?: unknown } | null)?.parameters
    return !isModule(value) && Array.isArray(held) ? heldIn(module, name, held.filter(Parameter.isInstance)) : []
  })
}

/** The parameters of a Weight in a module's field, with their names below the module: '' where it is the parameter itself. */
export function heldIn(module: Module, field: string, parameters: readonly Parameter[]): Child<Parameter>[] {
  return module.isParameter ? parameters.map((value) => ({ name: '', value })) : namedIn(field, parameters)
}

/**
 * The parameters of a Weight in a field, with their names below the module that it was made for: `weight`, `weight.absmax`, `SCB`. That
 * module's path is what all paths begin with, up to the field's own name.
 */
export function namedIn(field: string, parameters: readonly Parameter[]): Child<Parameter>[] {
  if (parameters.length === 1) return parameters.map((value) => ({ name: field, value }))
  const split = parameters.map(({ path }) => path.split('.'))
  const [first = []] = split
  const differing = first.findIndex((name, i) => split.some((names) => names.length <= i + 1 || names[i] !== name))
  const depth = first[differing - 1] === field ? differing - 1 : differing
  return parameters.map((value, i) => ({ name: (split[i] ?? []).slice(depth).join('.'), value }))
}

/** A copy of a module with some fields replaced; its class and other fields stay. */
export function withFields<M extends Module>(module: M, fields: Readonly<Record<string, unknown>>): M {
  return Object.assign(Object.create(Object.getPrototypeOf(module) as object) as M, module, fields)
}

/** The path of a child below a path; the root's path is '', and so is the name of what a module is itself. */
export function joinPath(path: string, name: string): string {
  return path === '' || name === '' ? path + name : `${path}.${name}`
}
