/** A causal language model of a few hundred values, batches for it, and a backend that counts and fails on demand: what this package's tests train. */
import {
  type Backend,
  CausalLM,
  type Context,
  dropout,
  type Embedding,
  type Executable,
  FullModel,
  hostTensor,
  initialValues,
  type LayerNorm,
  type Linear,
  type ModelSizes,
  ParameterScope,
  Random,
  reference,
  type StateSet,
  type Tensor,
} from '@espalier/core'
import type { MicroBatch, StepBatch, StepSource } from './batches.js'

const VOCABULARY = 11
const HIDDEN = 6

/** Embedding, dropout, linear, layer norm, head. */
class Toy extends CausalLM {
  readonly className = 'ToyForCausalLM'
  readonly sizes: ModelSizes = {
    vocabularySize: VOCABULARY,
    hiddenSize: HIDDEN,
    layerCount: 1,
    headCount: 1,
    groupCount: 1,
    headSize: HIDDEN,
    maxPositions: null,
  }

  constructor(
    readonly embed: Embedding,
    readonly body: Linear,
    readonly ln_1: LayerNorm,
    readonly lm_head: Linear,
    readonly rate: number,
  ) {
    super()
  }

  hidden(ids: Tensor, context: Context): Tensor {
    const x = this.body.forward(this.embed.forward(ids))
    return this.ln_1.forward(context.seed === undefined ? x : dropout(x, context.seed, this.rate, 'body'))
  }

  head(): Linear {
    return this.lm_head
  }
}

/** All parameters of a new toy; its values depend on nothing but the seed. */
export function toyModel({ rate = 0, seed = 1 }: { readonly rate?: number; readonly seed?: number } = {}): FullModel {
  const scope = new ParameterScope(initialValues(new Random(seed)))
  const embed = scope.embedding('embed', VOCABULARY, HIDDEN, 0.5)
  const body = scope.linear('body', HIDDEN, HIDDEN, { bias: true, deviation: 0.5 })
  const norm = scope.layerNorm('ln_1', HIDDEN, 1e-5)
  const head = scope.linear('lm_head', HIDDEN, VOCABULARY, { bias: false, deviation: 0.5 })
  return new FullModel(new Toy(embed, body, norm, head, rate))
}

/** Rows of ids as one micro-batch that counts every next token, padded to a length. */
export function toyBatch(rows: readonly (readonly number[])[], length = 5): MicroBatch {
  const ids = new Int32Array(rows.length * length)
  const [indices, targets, weights] = [
    new Int32Array(ids.length),
    new Int32Array(ids.length),
    new Float32Array(ids.length),
  ]
  let count = 0
  for (const [row, tokens] of rows.entries()) {
    ids.set(tokens, row * length)
    for (const [i, target] of tokens.slice(1).entries()) {
      indices[count] = row * length + i
      targets[count] = target
      weights[count++] = 1
    }
  }
  return {
    feeds: {
      input_ids: hostTensor('i32', [rows.length, length], ids),
      counted_indices: hostTensor('i32', [ids.length], indices),
      counted_targets: hostTensor('i32', [ids.length], targets),
      counted_weights: hostTensor('f32', [ids.length], weights),
    },
    count,
    tokens: rows.reduce((sum, tokens) => sum + tokens.length, 0),
  }
}

/** Rows that the toy can learn. */
export const toyRows: readonly (readonly number[])[] = [
  [1, 2, 3, 4, 5],
  [2, 3, 4],
  [7, 8, 9, 10],
  [9, 10],
]

/** Steps over given micro-batches, the same ones each time; `perEpoch` steps make an epoch. */
export function toySteps(
  microBatches: readonly MicroBatch[] | ((step: number) => readonly MicroBatch[]),
  totalSteps: number,
  perEpoch = 2,
): StepSource {
  return {
    totalSteps,
    stepsPerEpoch: perEpoch,
    *steps(first = 0): Iterable<StepBatch> {
      for (let step = first; step < totalSteps; step++) {
        yield {
          microBatches: typeof microBatches === 'function' ? microBatches(step) : microBatches,
          epoch: (step + 1) / perEpoch,
          endsEpoch: (step + 1) % perEpoch === 0,
        }
      }
    },
  }
}

/** What a counted backend has seen. */
export interface Counts {
  /** Names of compiled programs. */
  readonly compiled: string[]
  /** State sets and executables that were not released yet. */
  readonly held: Set<StateSet | Executable>
  /** Called before each operation, with the program's name where there is one; may throw. */
  before?: (operation: 'compile' | 'run' | 'createState', name: string) => void | Promise<void>
}

/** The reference backend with counters. */
export function countedBackend(): { readonly backend: Backend; readonly counts: Counts } {
  const inner = reference()
  const counts: Counts = { compiled: [], held: new Set() }
  const hold = <T extends StateSet | Executable>(value: T): T => {
    const release = value.release.bind(value)
    counts.held.add(value)
    value.release = () => {
      counts.held.delete(value)
      release()
    }
    return value
  }
  const backend: Backend = {
    apiVersion: 1,
    name: inner.name,
    dtypes: inner.dtypes,
    loadWeights: (sources, options) => inner.loadWeights(sources, options),
    async createState(tensors, options) {
      await counts.before?.('createState', [...tensors.keys()].join(' '))
      return hold(await inner.createState(tensors, options))
    },
    async compile(program, options) {
      await counts.before?.('compile', program.name)
      options?.signal?.throwIfAborted()
      counts.compiled.push(program.name)
      const executable = hold(await inner.compile(program, options))
      const run = executable.run.bind(executable)
      executable.run = async (runArguments) => {
        await counts.before?.('run', program.name)
        return run(runArguments)
      }
      return executable
    },
    close: () => inner.close(),
  }
  return { backend, counts }
}
