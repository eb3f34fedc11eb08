/** Where a model's parameters come from: the tensors of a checkpoint under the names that the tree asks for. */
import {
  type Architecture,
  EspalierError,
  hostTensor,
  memorySource,
  type ParameterSource,
  Random,
  type SourceLookup,
  sizeOf,
  type TaskType,
} from '@espalier/core'
import { coreDType } from '../safetensors/dtype.js'
import type { LocatedTensor } from '../safetensors/sharded.js'

/** A tensor of a file as a source: its bytes are read when a backend asks, or mapped where there is a disk. */
export function parameterSource(tensor: LocatedTensor): ParameterSource {
  const { name, dtype, shape, offset, byteLength, from } = tensor
  const core = coreDType(dtype)
  if (core === undefined) {
    throw new EspalierError('safetensors.dtype', {
      what: 'a parameter is stored in a dtype that cannot be computed with',
      got: { file: from.file.name, tensor: name, dtype },
      fix: 'Save the model in float32, float16 or bfloat16.',
    })
  }
  const { realPath } = from.file
  return {
    dtype: core,
    shape,
    ...(realPath === undefined ? {} : { file: { path: realPath, offset, byteLength } }),
    read: () => tensor.read(),
  }
}

/** A lookup over a checkpoint, and what it did. */
export interface CheckpointLookup {
  readonly lookup: SourceLookup
  /** Paths that the checkpoint lacked and that start anew: a head that is to be trained. */
  readonly initialized: readonly string[]
  /** The tensor of a path. */
  find(path: string): LocatedTensor | undefined
  /** The tensors below a path, by the rest of their names. */
  below(path: string): ReadonlyMap<string, LocatedTensor>
  /** Names in the file of tensors that nobody asked for so far. */
  unused(): readonly string[]
}

/** Makes the lookup. Names may have the architecture's older spelling, and have or lack its prefix. seed: of the heads that start anew. Throws model.unsupported for names with the prefix of another task. */
export function checkpointLookup(
  tensors: ReadonlyMap<string, LocatedTensor>,
  architecture: Architecture,
  task: TaskType,
  seed: number,
): CheckpointLookup {
  const byName = new Map<string, LocatedTensor>()
  for (const [name, tensor] of tensors) byName.set(architecture.renameParameter?.(name, task) ?? name, tensor)
  const prefix = prefixOf(architecture, task, byName.keys())
  const random = new Random(seed)
  const inFile = new Set(Array.from(byName.keys(), (name) => topOf(name, prefix)))
  const isHead = (path: string) =>
    architecture.taskPrefixes?.[task] === '' ? !inFile.has(topOf(path, prefix)) : !path.startsWith(prefix)
  const initialized: string[] = []
  const sources = new Map<string, ParameterSource>()
  const used = new Set<string>()
  const other = (path: string) => (path.startsWith(prefix) ? path.slice(prefix.length) : prefix + path)
  const find = (path: string) => byName.get(path) ?? byName.get(other(path))
  let byPath: ReadonlyMap<string, ReadonlyMap<string, LocatedTensor>> | undefined
  const below = (path: string) => {
    byPath ??= groupedByPath(byName)
    return byPath.get(path) ?? byPath.get(other(path)) ?? new Map<string, LocatedTensor>()
  }
  const lookup: SourceLookup = (path, shape, initial) => {
    const known = sources.get(path)
    if (known !== undefined) return known
    const tensor = find(path)
    const source = tensor === undefined ? undefined : parameterSource(tensor)
    if (tensor !== undefined) used.add(tensor.name)
    if (source !== undefined) sources.set(path, source)
    if (source !== undefined || initial === undefined || !mayStartAnew(path, isHead(path), prefix, task)) return source
    initialized.push(path)
    const data =
      'fill' in initial
        ? new Float32Array(sizeOf(shape)).fill(initial.fill)
        : random.at(path).normal(sizeOf(shape), initial.normal)
    const made = memorySource(hostTensor('f32', shape, data))
    sources.set(path, made)
    return made
  }
  return { lookup, initialized, find, below, unused: () => [...tensors.keys()].filter((name) => !used.has(name)) }
}

// The path of the bare model in the task's class. As transformers: a file that has it under another task's is not read for this one.
function prefixOf(
  { modelType, baseModelPrefix, taskPrefixes = {} }: Architecture,
  task: TaskType,
  names: Iterable<string>,
): string {
  const prefix = `${taskPrefixes[task] || baseModelPrefix}.`
  const others = [baseModelPrefix, ...Object.values(taskPrefixes)].flatMap((other) => (other === '' ? [] : `${other}.`))
  const found = new Set(Array.from(names, (name) => [prefix, ...others].find((start) => name.startsWith(start))))
  const other = others.find((start) => start !== prefix && found.has(start))
  if (other === undefined || found.has(prefix)) return prefix
  throw new EspalierError('model.unsupported', {
    what: `for this task, transformers reads the model from names with ${prefix} or from those of the bare model, and would start all of it anew`,
    got: { modelType, task, found: `${other}*` },
    fix: 'Load the file with AutoModel, save that, and load what was saved',
  })
}

// Every tensor under each path that its name goes through.
function groupedByPath<T>(tensors: ReadonlyMap<string, T>): Map<string, Map<string, T>> {
  const groups = new Map<string, Map<string, T>>()
  for (const [name, tensor] of tensors) {
    for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
      const path = name.slice(0, dot)
      const group = groups.get(path) ?? new Map<string, T>()
      groups.set(path, group.set(name.slice(dot + 1), tensor))
    }
  }
  return groups
}

// The part of a model that a name is in, whether or not the bare model has its prefix.
function topOf(name: string, prefix: string): string | undefined {
  return (name.startsWith(prefix) ? name.slice(prefix.length) : name).split('.')[0]
}

// What transformers starts anew when a base model is loaded for a task: the head, and a pooler that its task did not need before.
function mayStartAnew(path: string, isHead: boolean, prefix: string, task: TaskType): boolean {
  if (task === 'CAUSAL_LM' || task === 'SEQ_2_SEQ_LM') return false
  return isHead ? task !== 'FEATURE_EXTRACTION' || path.startsWith('pooler.') : path.startsWith(`${prefix}pooler.`)
}
