/** A model of one embedding, one linear layer and one Conv1D, for tests. */
import {
  AdaptedModel,
  type BaseModel,
  type ConfiguredTuner,
  type Context,
  type HostTensor,
  hostTensor,
  initialValues,
  input,
  Model,
  type ModelInputs,
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

/** `table` (7, 6), `layers.0` linear 6 -> 5 with or without bias, `layers.1` Conv1D 5 -> 6. */
export function threeLayers(bias = true): BaseModel {
  const scope = new ParameterScope(initialValues(new Random(3)))
  return {
    model: new ThreeLayers(scope.embedding('table', 7, 6, 1), [
      scope.linear('layers.0', 6, 5, { bias, deviation: 0.5 }),
      scope.conv1d('layers.1', 5, 6),
    ]),
    modelType: 'three',
    config: {},
    nameOrPath: null,
    revision: null,
    defaultTargets: ['0'],
  }
}

/** The base with one adapter whose values are all random. */
export async function randomised(
  configured: ConfiguredTuner,
  bias = true,
  base = threeLayers(bias),
): Promise<AdaptedModel> {
  const adapted = new AdaptedModel(base)
  const adapter = adapted.addAdapter('default', configured)
  const values = [...adapter.specs].map(([key, { shape }]) => {
    const size = shape.reduce((a, b) => a * b, 1)
    return [key, hostTensor('f32', shape, new Random(5).at(key).normal(size, 0.5))] as const
  })
  adapter.setValues(new Map(values))
  return adapted
}

/** The output for fixed ids; with a seed, dropout is active. */
export async function outputOf(adapted: AdaptedModel, seed?: number): Promise<Float32Array> {
  const backend = reference()
  const inputs: ModelInputs = {
    input_ids: input('feed', 'input_ids', 'i32', [2, 3]),
    ...(seed === undefined ? {} : { seed: input('feed', 'seed', 'u32', []) }),
  }
  const { ids, context } = passOf(inputs, true)
  const weights = await backend.loadWeights(weightRequests(adapted.model))
  const outputs = { y: adapted.model.forward(ids, context) }
  const executable = await backend.compile({ name: 'test', outputs }, { weights })
  const state = await Promise.all(
    adapted.boundAdapters.map(async ({ adapter, prefix }) => ({ set: await adapter.stateOn(backend), prefix })),
  )
  const feeds = {
    input_ids: hostTensor('i32', [2, 3], [0, 1, 2, 6, 5, 4]),
    ...(seed === undefined ? {} : { seed: hostTensor('u32', [], [seed]) }),
  }
  return (await executable.run({ feeds, state })).y?.data as Float32Array
}

/** Merges the active adapters on the reference backend. */
export async function merge(adapted: AdaptedModel): Promise<Map<string, HostTensor>> {
  const backend = reference()
  return mergeAdapters(adapted, backend, await backend.loadWeights(weightRequests(adapted.base.model)))
}

/** Largest difference between two arrays. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - (b[i] as number))))
}
