/** Walking and rebuilding module trees. A module or Parameter in two places is an alias group: it is visited once, with all its paths. */
import { EspalierError } from '../errors.js'
import {
  childModules,
  childParameters,
  heldIn,
  isModule,
  joinPath,
  type Module,
  ownParameters,
  withFields,
} from './module.js'
import { Parameter } from './parameter.js'

/** A module with all its paths, the first being the canonical one. */
export interface NamedModule {
  readonly path: string
  readonly paths: readonly string[]
  readonly module: Module
}

/** Every module of the tree once, parents first, with all the paths that lead to it. The root's path is ''. */
export function namedModules(root: Module): NamedModule[] {
  const found = new Map<Module, string[]>()
  const visit = (module: Module, path: string) => {
    const paths = found.get(module)
    if (paths === undefined) found.set(module, [path])
    else paths.push(path)
    for (const { name, value } of childModules(module)) visit(value, joinPath(path, name))
  }
  visit(root, '')
  return [...found].map(([module, paths]) => ({ module, paths, path: paths[0] as string }))
}

/** Every Parameter of the tree once, by its own path, in order of first use. */
export function namedParameters(root: Module): Map<string, Parameter> {
  const found = new Map<string, Parameter>()
  for (const { module } of namedModules(root))
    for (const parameter of ownParameters(module))
      if (!found.has(parameter.slotName)) found.set(parameter.slotName, parameter)
  return found
}

/** As `namedParameters`, without buffers: what PyTorch calls parameters. */
export function learnedParameters(root: Module): Map<string, Parameter> {
  return new Map([...namedParameters(root)].filter(([, { isBuffer }]) => !isBuffer))
}

/** A Parameter in a module that uses it; of a tied one there are several. */
export interface ParameterUse {
  readonly parameter: Parameter
  /** `<module path>.<name>`; of a shared module, by its first path. */
  readonly path: string
  /** What names its value where each use may have its own: the parameter's own path for the first one, `path` for others. */
  readonly name: string
}

/** Every use of every Parameter, in order. */
export function parameterUses(root: Module): ParameterUse[] {
  const seen = new Set<Parameter>()
  return namedModules(root).flatMap(({ module, path }) =>
    childParameters(module).map(({ name, value: parameter }) => {
      const use = joinPath(path, name)
      const isFirst = !seen.has(parameter)
      seen.add(parameter)
      return { parameter, path: use, name: isFirst ? parameter.path : use }
    }),
  )
}

/** The module at a path. Throws module.path, naming the nearest level that exists. */
export function moduleAt(root: Module, path: string): Module {
  let module = root
  let reached = ''
  let rest = path
  while (rest !== '') {
    const child = childModules(module).find(({ name }) => rest === name || rest.startsWith(`${name}.`))
    if (child === undefined) {
      throw new EspalierError('module.path', {
        what: 'no module has this path',
        got: { path, below: reached, children: childModules(module).map(({ name }) => name) },
      })
    }
    module = child.value
    reached = joinPath(reached, child.name)
    rest = rest.slice(child.name.length + 1)
  }
  return module
}

/**
 * The tree with modules replaced, children first; only the changed spine is copied. `visit` gets each module once, with all its paths,
 * and every path of a shared module gets the same replacement.
 */
export function mapModules<M extends Module>(root: M, visit: (module: Module, paths: readonly string[]) => Module): M {
  const paths = new Map(namedModules(root).map((entry) => [entry.module, entry.paths]))
  const done = new Map<Module, Module>()
  const renew = (module: Module): Module => {
    const known = done.get(module)
    if (known !== undefined) return known
    const changes: Record<string, unknown> = {}
    for (const [name, value] of Object.entries(module)) {
      if (isModule(value)) {
        const next = renew(value)
        if (next !== value) changes[name] = next
      } else if (Array.isArray(value) && value.some(isModule)) {
        const next = value.map((item: unknown) => (isModule(item) ? renew(item) : item))
        if (next.some((item, i) => item !== value[i])) changes[name] = next
      }
    }
    const result = visit(
      Object.keys(changes).length > 0 ? withFields(module, changes) : module,
      paths.get(module) as readonly string[],
    )
    done.set(module, result)
    return result
  }
  return renew(root) as M
}

/** The tree with Parameters replaced; a shared Parameter is replaced once, everywhere. */
export function mapParameters<M extends Module>(root: M, visit: (parameter: Parameter) => Parameter): M {
  const done = new Map<Parameter, Parameter>()
  return mapParameterUses(root, (parameter) => {
    const next = done.get(parameter) ?? visit(parameter)
    done.set(parameter, next)
    return next
  })
}

/** The tree with Parameters replaced use by use: `visit` also gets the path of the use, `<module path>.<name>`. */
export function mapParameterUses<M extends Module>(
  root: M,
  visit: (parameter: Parameter, path: string) => Parameter,
): M {
  return mapModules(root, (module, [path = '']) => {
    const changes: Record<string, unknown> = {}
    for (const [name, value] of Object.entries(module)) {
      if (Parameter.isInstance(value)) {
        const next = visit(value, joinPath(path, name))
        if (next !== value) changes[name] = next
      } else if (isWeight(value)) {
        const next = heldIn(module, name, value.parameters).map((own) => visit(own.value, joinPath(path, own.name)))
        if (next.some((parameter, i) => parameter !== value.parameters[i])) changes[name] = value.withParameters(next)
      }
    }
    return Object.keys(changes).length > 0 ? withFields(module, changes) : module
  })
}

interface ParameterHolder {
  readonly parameters: readonly Parameter[]
  withParameters(parameters: readonly Parameter[]): unknown
}

function isWeight(value: unknown): value is ParameterHolder {
  return (
    typeof value === 'object' &&
    value !== null &&
    !isModule(value) &&
    typeof (value as Partial<ParameterHolder>).withParameters === 'function'
  )
}

/** The tree as text: a line a module, indented, with parameter shapes and dtypes and what trains. */
export function printModule(root: Module): string {
  const lines: string[] = []
  const visit = (module: Module, name: string, depth: number) => {
    const own = ownParameters(module)
    const names = shortNames(own.map(({ path }) => path))
    const parts = own.map((p, i) => `${names[i]} ${p.dtype}[${p.shape.join(', ')}]${p.trains ? ' trains' : ''}`)
    lines.push(
      `${'  '.repeat(depth)}${name === '' ? '' : `(${name}): `}${module.printedName}${parts.length > 0 ? ` { ${parts.join(', ')} }` : ''}`,
    )
    for (const child of childModules(module)) visit(child.value, child.name, depth + 1)
  }
  visit(root, '', 0)
  return lines.join('\n')
}

/** Paths without the names that they all begin with. */
function shortNames(paths: readonly string[]): string[] {
  const split = paths.map((path) => path.split('.'))
  const [first = []] = split
  let shared = 0
  while (shared < first.length && split.every((names) => names.length > shared + 1 && names[shared] === first[shared]))
    shared++
  return split.map((names) => names.slice(shared).join('.'))
}
