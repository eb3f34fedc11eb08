/** A model of two linear layers and a Conv1D below a table, for tests. */
import {
  AdaptedModel,
  type BaseModel,
  type Context,
  hostTensor,
  initialValues,
  input,
  Model,
  type Module,
  mergeAdapters,
  ParameterScope,
  passOf,
  Random,
  reference,
  type TaskType,
  type Tensor,
  weightRequests,
} from '@espalier/core'

class ThreeLayers extends Model {
  readonly task: TaskType = 'FEATURE_EXTRACTION'
  readonly className = 'ThreeLayers'
  readonly causal = true
  readonly sizes = {
    vocabularySize: 7,
    hiddenSize: 6,
    layerCount: 1,
    headCount: 1,
    groupCount: 1,
    headSize: 6,
    maxPositions: null,
  }

  constructor(
    readonly table: Module,
    readonly layers: readonly Module[],
  ) {
    super()
  }

  forward(ids: Tensor, context: Context): Tensor {
    return this.layers.reduce((x, layer) => layer.forward(x, context), this.table.forward(ids, context))
  }
}

/** `layers.0` and `layers.1` linear with bias, `layers.2` Conv1D. */
export function threeLayers(modelType = 'three'): AdaptedModel {
  const scope = new ParameterScope(initialValues(new Random(3)))
  const layers = [
    scope.linear('layers.0', 6, 5, { bias: true, deviation: 0.5 }),
    scope.linear('layers.1', 5, 4, { bias: true, deviation: 0.5 }),
    scope.conv1d('layers.2', 4, 6),
  ]
  const base: BaseModel = {
    model: new ThreeLayers(scope.embedding('table', 7, 6, 1), layers),
    modelType,
    config: {},
    nameOrPath: null,
    revision: null,
    defaultTargets: ['0'],
  }
  return new AdaptedModel(base)
}

/** Gives every value of the adapter a random number. */
export function randomise(adapted: AdaptedModel): void {
  const adapter = adapted.adapter('default')
  const values = [...adapter.specs].map(
    ([key, { shape }]) => [key, hostTensor('f32', shape, new Random(5).at(key).normal(Math.max(...shape), 1))] as const,
  )
  adapter.setValues(new Map(values))
}

/** The output for fixed ids. */
export async function outputOf(adapted: AdaptedModel): Promise<Float32Array> {
  const backend = reference()
  const { ids, context } = passOf({ input_ids: input('feed', 'input_ids', 'i32', [2, 3]) }, true)
  const weights = await backend.loadWeights(weightRequests(adapted.model))
  const executable = await backend.compile(
    { name: 'test', outputs: { y: adapted.model.forward(ids, context) } },
    { weights },
  )
  const state = await Promise.all(
    adapted.boundAdapters.map(async ({ adapter, prefix }) => ({ set: await adapter.stateOn(backend), prefix })),
  )
  const feeds = { input_ids: hostTensor('i32', [2, 3], [0, 1, 2, 6, 5, 4]) }
  return (await executable.run({ feeds, state })).y?.data as Float32Array
}

/** Merges the active adapters on the reference backend; names of the weights that changed. */
export async function merge(adapted: AdaptedModel): Promise<string[]> {
  const backend = reference()
  const weights = await backend.loadWeights(weightRequests(adapted.base.model))
  return [...(await mergeAdapters(adapted, backend, weights)).keys()]
}

/** Largest difference between two arrays. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - (b[i] as number))))
}
