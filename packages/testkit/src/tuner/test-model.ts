/** A small causal model for the suite of tuners: every kind of adaptable layer, with and without bias, no two sizes alike where it matters. */
import {
  add,
  type BaseModel,
  CausalLM,
  type ComputeDType,
  type Context,
  gelu,
  initialValues,
  type LayerKind,
  Linear,
  Module,
  ParameterScope,
  Random,
  type Tensor,
  tanh,
} from '@espalier/core'

const SIZE = 4
const INNER = 6
const VOCABULARY = 7
const LAYERS = 2

/** Names of the test model's layers that a tuner can target, by kind. */
export const targetsByKind: Readonly<Record<LayerKind, readonly string[]>> = {
  linear: ['q_proj', 'v_proj', 'down_proj'],
  conv1d: ['c_fc'],
  embedding: ['embed_tokens'],
  experts: [],
}

class Block extends Module {
  constructor(
    readonly norm: Module,
    readonly q_proj: Module,
    readonly v_proj: Module,
    readonly c_fc: Module,
    readonly down_proj: Module,
  ) {
    super()
  }

  forward(x: Tensor, context: Context): Tensor {
    const q = this.q_proj.forward(this.norm.forward(x, context), context)
    const v = this.v_proj.forward(tanh(q), context)
    return add(x, this.down_proj.forward(gelu(this.c_fc.forward(v, context)), context))
  }
}

class Body extends Module {
  constructor(
    readonly embed_tokens: Module,
    readonly layers: readonly Block[],
  ) {
    super()
  }

  forward(ids: Tensor, context: Context): Tensor {
    return this.layers.reduce((x, layer) => layer.forward(x, context), this.embed_tokens.forward(ids, context))
  }
}

class TestForCausalLM extends CausalLM {
  readonly className = 'TestForCausalLM'
  readonly sizes = {
    vocabularySize: VOCABULARY,
    hiddenSize: SIZE,
    layerCount: LAYERS,
    headCount: 1,
    groupCount: 1,
    headSize: SIZE,
    maxPositions: null,
  }

  constructor(
    readonly model: Body,
    readonly lm_head: Module,
  ) {
    super()
  }

  hidden(ids: Tensor, context: Context): Tensor {
    return this.model.forward(ids, context)
  }

  head(): Module {
    return this.lm_head
  }
}

/** The test model with fixed weights: q_proj (4 to 4) square, v_proj (4 to 5) with a bias, c_fc (5 to 6) a Conv1D, down_proj (6 to 4). */
export function testModel(): BaseModel {
  return build(false)
}

/** The test model computing in f16. */
export function halfModel(): BaseModel {
  return build(false, 'f16')
}

/** The test model with its head's weight tied to the embedding's, as small language models have it. */
export function tiedModel(): BaseModel {
  return build(true)
}

function build(tied: boolean, dtype: ComputeDType = 'f32'): BaseModel {
  const scope = new ParameterScope(initialValues(new Random(11)), { dtype })
  const body = scope.at('model')
  const layers = Array.from({ length: LAYERS }, (_, i) => {
    const own = body.at(`layers.${i}`)
    return new Block(
      own.rmsNorm('norm', SIZE, 1e-6),
      own.linear('q_proj', SIZE, SIZE, { bias: false, deviation: 0.6 }),
      own.linear('v_proj', SIZE, SIZE + 1, { bias: true, deviation: 0.6 }),
      own.conv1d('c_fc', SIZE + 1, INNER),
      own.linear('down_proj', INNER, SIZE, { bias: false, deviation: 0.6 }),
    )
  })
  const embedding = body.embedding('embed_tokens', VOCABULARY, SIZE, 1)
  const head = tied
    ? new Linear(embedding.weight, null)
    : scope.linear('lm_head', SIZE, VOCABULARY, { bias: false, deviation: 0.6 })
  const model = new Body(embedding, layers)
  return {
    model: new TestForCausalLM(model, head),
    modelType: 'testkit',
    config: {},
    nameOrPath: 'testkit/tiny',
    revision: null,
    defaultTargets: ['q_proj', 'v_proj'],
  }
}
