/** A training that every backend runs in milliseconds, for tests of memory and of what happens in the middle of runs. */
import {
  add,
  attention,
  type Backend,
  crossEntropy,
  dropout,
  type Executable,
  feed,
  gatherRows,
  gradients,
  type HostTensor,
  hostTensor,
  input,
  matmul,
  mul,
  type ParameterSource,
  type Program,
  permute,
  Random,
  reshape,
  rmsNorm,
  type StateSet,
  sub,
  type Tensor,
  type WeightSet,
} from '@espalier/core'

const [TOKENS, SIZE, VOCABULARY, RANK] = [6, 8, 13, 2]
const RATE = 0.05
const random = new Random(5)

function source(name: string, shape: readonly number[]): ParameterSource {
  const values = random.at(name).normal(
    shape.reduce((a, b) => a * b, 1),
    0.3,
  )
  return { dtype: 'f32', shape, read: async () => new Uint8Array(values.buffer) }
}

const sources = new Map([
  ['embed', source('embed', [VOCABULARY, SIZE])],
  ['query', source('query', [SIZE, SIZE])],
  ['norm', source('norm', [SIZE])],
])
const trained = { a: [RANK, SIZE], b: [SIZE, RANK] } as const

/** A training step on a backend: its weights, its state, and the program. */
export interface PreparedStep {
  readonly weights: WeightSet
  readonly set: StateSet
  readonly executable: Executable
}

/** Loads weights and state of `trainingStep` onto a backend, and compiles it. `start`: values of an earlier state to go on from. */
export async function prepareStep(
  backend: Backend,
  start: ReadonlyMap<string, HostTensor> = startOfSteps(),
): Promise<PreparedStep> {
  const requests = new Map([...sources].map(([name, one]) => [name, { source: one, dtype: 'f32' as const }]))
  const weights = await backend.loadWeights(requests)
  return {
    weights,
    set: await backend.createState(start),
    executable: await backend.compile(trainingStep(), { weights }),
  }
}

function startOfSteps(): ReadonlyMap<string, HostTensor> {
  return new Map([
    ['a', hostTensor('f32', trained.a, random.at('a').normal(RANK * SIZE, 0.3))],
    ['b', hostTensor('f32', trained.b)],
  ])
}

/** One step of SGD on a LoRA in a model of one attention layer, with dropout: output `loss` [], updates `a` [2, 8] and `b` [8, 2]. */
export function trainingStep(): Program {
  const weight = (name: string) => input('weight', name, 'f32', sources.get(name)?.shape ?? [])
  const [a, b] = [input('state', 'a', 'f32', trained.a), input('state', 'b', 'f32', trained.b)]
  const x = gatherRows(weight('embed'), feed('ids', 'i32', [TOKENS]))
  const low = matmul(dropout(x, feed('seed', 'u32', []), 0.1, 'query'), a, { transposeB: true })
  const q = add(matmul(x, weight('query'), { transposeB: true }), matmul(low, b, { transposeB: true }))
  const heads = (one: Tensor) => permute(reshape(one, [1, TOKENS, 2, SIZE / 2]), [0, 2, 1, 3])
  const mixed = attention(heads(q), heads(x), heads(x), { scale: 0.5, causal: true, window: null })
  const hidden = rmsNorm(reshape(permute(mixed, [0, 2, 1, 3]), [TOKENS, SIZE]), weight('norm'), 1e-5)
  const loss = crossEntropy(hidden, weight('embed'), feed('targets', 'i32', [TOKENS]), feed('weights', 'f32', [TOKENS]))
  const [ofA, ofB] = gradients(loss, [a, b]) as [Tensor, Tensor]
  const stepped = (value: Tensor, gradient: Tensor) => sub(value, mul(gradient, feed('rate', 'f32', [])))
  return { name: 'train', outputs: { loss }, updates: { a: stepped(a, ofA), b: stepped(b, ofB) } }
}

/** Feeds of the n-th step, which seeds dropout. `id`: the last token, below 13 unless the step is to fail. */
export function feedsOfStep(step: number, id = 6): Readonly<Record<string, HostTensor>> {
  return {
    ids: hostTensor('i32', [TOKENS], [1, 2, 3, 4, 5, id]),
    targets: hostTensor('i32', [TOKENS], [2, 3, 4, 5, 6, 7]),
    weights: hostTensor('f32', [TOKENS], new Array(TOKENS).fill(1)),
    seed: hostTensor('u32', [], [step]),
    rate: hostTensor('f32', [], [RATE]),
  }
}
