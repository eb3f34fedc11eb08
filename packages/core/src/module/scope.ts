/** Where a model takes its parameters from while its tree is built: a checkpoint, or initial values. */

import { type HostTensor, hostTensor } from '../dtype.js'
import { EspalierError } from '../errors.js'
import type { ParameterSource } from '../parameter-source.js'
import type { Random } from '../random.js'
import { type Shape, sizeOf } from '../shape.js'
import { Conv1D, Embedding, Linear } from './adaptable.js'
import { LayerNorm, RmsNorm } from './norm.js'
import { Parameter } from './parameter.js'
import { DenseWeight } from './weight.js'

/** How a parameter starts when no file has it. `normal` has mean 0. */
export type Initial = { readonly fill: number } | { readonly normal: number }

/** Finds the source of a parameter; undefined: it does not exist. */
export type SourceLookup = (path: string, shape: Shape, initial: Initial | undefined) => ParameterSource | undefined

const MOST_FAULTS = 1000

/** A place in the tree from which parameters are taken by relative name. */
export class ParameterScope {
  private readonly made: Map<string, Parameter>
  private readonly missing: string[]

  constructor(
    private readonly lookup: SourceLookup,
    readonly path: string = '',
    shared?: { made: Map<string, Parameter>; missing: string[] },
  ) {
    this.made = shared?.made ?? new Map()
    this.missing = shared?.missing ?? []
  }

  /** The scope below. */
  at(name: string): ParameterScope {
    return new ParameterScope(this.lookup, this.path === '' ? name : `${this.path}.${name}`, {
      made: this.made,
      missing: this.missing,
    })
  }

  /** The parameter of this name and shape; the same object each time. Faults are collected until `check`; very many end the building with its error. */
  parameter(name: string, shape: Shape, initial?: Initial): Parameter {
    const path = this.path === '' ? name : `${this.path}.${name}`
    const known = this.made.get(path)
    if (known !== undefined) return known
    const source = this.lookup(path, shape, initial)
    if (source === undefined) this.missing.push(`${path} [${shape.join(', ')}]: missing`)
    else if (sizeOf(source.shape) !== sizeOf(shape) || source.shape.join() !== shape.join())
      this.missing.push(`${path}: [${source.shape.join(', ')}] in the file, [${shape.join(', ')}] by the config`)
    // A configuration may ask for more than anyone could build.
    if (this.missing.length >= MOST_FAULTS) this.check()
    const parameter = new Parameter(
      path,
      'f32',
      shape,
      source ?? { dtype: 'f32', shape, read: async () => new Uint8Array(4 * sizeOf(shape)) },
    )
    this.made.set(path, parameter)
    return parameter
  }

  /** Whether a parameter of this name can be found. */
  has(name: string, shape: Shape): boolean {
    return this.lookup(this.path === '' ? name : `${this.path}.${name}`, shape, undefined) !== undefined
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
      new DenseWeight(own.parameter('weight', [outSize, inSize], { normal: options.deviation ?? 0.02 })),
      bias,
    )
  }

  /** A Conv1D layer (weight (in, out), always with bias). */
  conv1d(name: string, inSize: number, outSize: number): Conv1D {
    const own = this.at(name)
    return new Conv1D(
      new DenseWeight(own.parameter('weight', [inSize, outSize], { normal: 0.02 })),
      own.parameter('bias', [outSize], { fill: 0 }),
    )
  }

  /** An embedding table. */
  embedding(name: string, rows: number, size: number, deviation = 0.02): Embedding {
    return new Embedding(new DenseWeight(this.at(name).parameter('weight', [rows, size], { normal: deviation })))
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
    if (this.missing.length > 0) {
      throw new EspalierError('model.parameters', {
        what: 'the checkpoint does not fit the model',
        got: { faults: this.missing },
        fix: 'Check that config.json belongs to these weights',
      })
    }
  }
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
