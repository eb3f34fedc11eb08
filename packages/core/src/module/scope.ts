/** Where a model takes its parameters from while its tree is built: a checkpoint, or initial values. */

import { byteSize, type ComputeDType, type HostTensor, hostTensor, isFloat, type Spec } from '../dtype.js'
import { EspalierError } from '../errors.js'
import { joinedSource, type ParameterSource } from '../parameter-source.js'
import type { Random } from '../random.js'
import { type Shape, sameShape, sizeOf } from '../shape.js'
import { Conv1D, Embedding, type LayerKind, Linear } from './adaptable.js'
import { ExpertLinear } from './expert-linear.js'
import { joinPath } from './module.js'
import { LayerNorm, RmsNorm } from './norm.js'
import { Parameter, type StoredPart } from './parameter.js'
import type { WeightFactory } from './quantizer.js'
import { DenseWeight, type Weight } from './weight.js'

/** How a parameter starts when no file has it. `normal` has mean 0. */
export type Initial = { readonly fill: number } | { readonly normal: number }

/** Finds the source of a parameter; undefined: it does not exist. */
export type SourceLookup = (path: string, shape: Shape, initial: Initial | undefined) => ParameterSource | undefined

/** A layer whose weight is wanted; the shape is the file's: (out, in), of a Conv1D (in, out), of an embedding (rows, size). */
export interface LayerRequest {
  readonly kind: LayerKind
  readonly shape: Shape
  readonly initial: Initial
}

/** What is the same for all scopes of a tree. */
export interface ScopeOptions {
  /** Makes the weights of layers; plain floats where it gives undefined, and when left out. */
  readonly weightOf?: WeightFactory
  /** What the model computes in: the dtype of its floats as programs see them. Default f32. */
  readonly dtype?: ComputeDType
}

/** Where in a tree a scope is, and what all scopes of the tree share. */
interface Place {
  readonly path: string
  readonly made: Map<string, Parameter>
  readonly missing: string[]
}

const MOST_FAULTS = 1000
const NOTHING_STORED = new Map<string, never>()

/** A place in the tree from which parameters are taken by relative name. */
export class ParameterScope {
  /** What the model computes in. */
  readonly dtype: ComputeDType

  constructor(
    private readonly lookup: SourceLookup,
    private readonly options: ScopeOptions = {},
    private readonly place: Place = { path: '', made: new Map(), missing: [] },
  ) {
    this.dtype = options.dtype ?? 'f32'
  }

  /** Path of the module whose parameters are taken here. */
  get path(): string {
    return this.place.path
  }

  /** The scope below. */
  at(name: string): ParameterScope {
    return new ParameterScope(this.lookup, this.options, { ...this.place, path: joinPath(this.path, name) })
  }

  /**
   * The parameter of this name and shape; the same object each time. stored: what files have in its place, by whole paths. Faults are
   * collected until `check`; very many end the building with its error.
   */
  parameter(name: string, shape: Shape, initial?: Initial, stored: readonly StoredPart[] = []): Parameter {
    return this.take(name, { dtype: this.dtype, shape }, initial, { stored })
  }

  /** A tensor of the file that never trains and is not counted: PyTorch's buffer. */
  buffer(name: string, shape: Shape, initial?: Initial): Parameter {
    return this.take(name, { dtype: this.dtype, shape }, initial, { isBuffer: true })
  }

  /** Whether the file has a parameter of this name, as far as a model may do without it. New models have every one. */
  has(name: string, shape: Shape): boolean {
    return this.lookup(joinPath(this.path, name), shape, undefined) !== undefined
  }

  /** A layer's weight in this scope, as `weightOf` makes it. */
  weight({ kind, shape, initial }: LayerRequest): Weight {
    const floats = () => this.parameter('weight', shape, initial)
    const stored = (name: string, spec: Spec) => this.take(name, spec, undefined)
    const { path, dtype } = this
    const known = { tensors: NOTHING_STORED, isOutput: false, staysFloat: false }
    const made = this.options.weightOf?.({ path, kind, shape, dtype, ...known, floats, stored })
    return made ?? new DenseWeight(floats())
  }

  private take(
    name: string,
    { dtype, shape }: Spec,
    initial: Initial | undefined,
    { isBuffer = false, stored = [] }: { readonly isBuffer?: boolean; readonly stored?: readonly StoredPart[] } = {},
  ): Parameter {
    const { made, missing } = this.place
    const path = joinPath(this.path, name)
    const known = made.get(path)
    if (known !== undefined) return known
    const source = this.lookup(path, shape, initial) ?? this.joined(path, shape, stored)
    if (source !== undefined) {
      missing.push(...shapeFaults(path, source.shape, shape))
      if (isFloat(source.dtype) !== isFloat(dtype))
        missing.push(`${path}: ${source.dtype} in the file, and ${dtype} is asked for`)
    }
    // A configuration may ask for more than anyone could build.
    if (missing.length >= MOST_FAULTS) this.check()
    const parameter = new Parameter(
      path,
      dtype,
      shape,
      source ?? { dtype, shape, read: async () => new Uint8Array(byteSize(dtype) * sizeOf(shape)) },
      'weight',
      path,
      isBuffer,
      true,
      stored,
    )
    made.set(path, parameter)
    return parameter
  }

  // What a file has in a parameter's place, as one source. Faults name the tensors of the file.
  private joined(path: string, shape: Shape, stored: readonly StoredPart[]): ParameterSource | undefined {
    const { missing } = this.place
    const found = stored.map((part) => ({ part, source: this.lookup(part.name, part.shape, undefined) }))
    const there = found.flatMap(({ source }) => source ?? [])
    if (there.length === 0) missing.push(`${path} [${shape.join(', ')}]: missing`)
    for (const { part, source } of found) {
      if (source !== undefined) missing.push(...shapeFaults(part.name, source.shape, part.shape))
      else if (there.length > 0) missing.push(`${part.name} [${part.shape.join(', ')}]: missing`)
    }
    const dtypes = new Set(there.map(({ dtype }) => dtype))
    if (dtypes.size > 1) missing.push(`${path}: its parts are ${[...dtypes].join(' and ')} in the file`)
    return there.length === 0 ? undefined : joinedSource(there, shape)
  }

  /** A linear layer; `deviation`: of initial weights. */
  linear(
    name: string,
    inSize: number,
    outSize: number,
    options: { readonly bias: boolean; readonly deviation?: number },
  ): Linear {
    const own = this.at(name)
    const bias = options.bias ? own.parameter('bias', [outSize], { fill: 0 }) : null
    return new Linear(
      own.weight({ kind: 'linear', shape: [outSize, inSize], initial: { normal: options.deviation ?? 0.02 } }),
      bias,
    )
  }

  /** A Conv1D layer (weight (in, out), always with bias). */
  conv1d(name: string, inSize: number, outSize: number): Conv1D {
    const own = this.at(name)
    return new Conv1D(
      own.weight({ kind: 'conv1d', shape: [inSize, outSize], initial: { normal: 0.02 } }),
      own.parameter('bias', [outSize], { fill: 0 }),
    )
  }

  /** A matrix for each of several experts, (experts, out, in), as one parameter of this name. stored: what files have in its place. */
  experts(
    name: string,
    shape: readonly [experts: number, outSize: number, inSize: number],
    options: { readonly deviation: number; readonly stored: readonly StoredPart[] },
  ): ExpertLinear {
    return new ExpertLinear(new DenseWeight(this.parameter(name, shape, { normal: options.deviation }, options.stored)))
  }

  /** An embedding table. */
  embedding(name: string, rows: number, size: number, deviation = 0.02): Embedding {
    return new Embedding(
      this.at(name).weight({ kind: 'embedding', shape: [rows, size], initial: { normal: deviation } }),
    )
  }

  /** A root-mean-square norm. */
  rmsNorm(name: string, size: number, epsilon: number): RmsNorm {
    return new RmsNorm(this.at(name).parameter('weight', [size], { fill: 1 }), epsilon)
  }

  /** A layer norm. */
  layerNorm(name: string, size: number, epsilon: number): LayerNorm {
    const own = this.at(name)
    return new LayerNorm(
      own.parameter('weight', [size], { fill: 1 }),
      own.parameter('bias', [size], { fill: 0 }),
      epsilon,
    )
  }

  /** Throws model.parameters, listing every parameter that was missing or had another shape. */
  check(): void {
    const { missing: faults } = this.place
    if (faults.length > 0) {
      throw new EspalierError('model.parameters', {
        what: 'the checkpoint does not fit the model',
        got: { faults },
        fix: 'Check that config.json belongs to these weights',
      })
    }
  }
}

function shapeFaults(name: string, got: Shape, want: Shape): string[] {
  return sameShape(got, want) ? [] : [`${name}: [${got.join(', ')}] in the file, [${want.join(', ')}] by the config`]
}

/** A lookup that gives every parameter initial values, from the generator at its path. */
export function initialValues(random: Random): SourceLookup {
  return (path, shape, initial = { fill: 0 }) => {
    const size = sizeOf(shape)
    const data =
      'fill' in initial ? new Float32Array(size).fill(initial.fill) : random.at(path).normal(size, initial.normal)
    return memorySource(hostTensor('f32', shape, data))
  }
}

/** A source over a host tensor. */
export function memorySource(tensor: HostTensor): ParameterSource {
  const { data } = tensor
  return {
    dtype: tensor.dtype,
    shape: tensor.shape,
    read: async () => new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  }
}
