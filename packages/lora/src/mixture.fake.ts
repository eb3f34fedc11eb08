/** A model of one layer of experts and a router, for tests. */
import {
  type BaseModel,
  type Context,
  constantTensor,
  DenseWeight,
  type ExpertLinear,
  hostTensor,
  initialValues,
  MatrixParameter,
  Model,
  Module,
  ParameterScope,
  Random,
  type Tensor,
} from '@espalier/core'

class Experts extends Module {
  constructor(
    readonly gate_up_proj: ExpertLinear | Module,
    readonly down_proj: ExpertLinear | Module,
  ) {
    super()
  }

  forward(x: Tensor, context: Context): Tensor {
    const experts = constantTensor(hostTensor('i32', [2], [2, 0]))
    const within = { ...context, experts }
    return this.down_proj.forward(this.gate_up_proj.forward(x, within), within)
  }
}

class Router extends Module {
  constructor(readonly weight: Module) {
    super()
  }

  forward(x: Tensor, context: Context): Tensor {
    return this.weight.forward(x, context)
  }
}

class Mixture extends Model {
  readonly task = 'FEATURE_EXTRACTION'
  readonly className = 'Mixture'
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
    readonly gate: Module,
    readonly experts: Module,
  ) {
    super()
  }

  forward(ids: Tensor, context: Context): Tensor {
    return this.experts.forward(this.gate.forward(this.table.forward(ids, context), context), context)
  }
}

/** `gate.weight` (6, 6), `experts.gate_up_proj` (3, 5, 6) and `experts.down_proj` (3, 6, 5): rows are the blocks of experts 2 and 0. */
export function mixture(): BaseModel {
  const scope = new ParameterScope(initialValues(new Random(4)))
  const experts = (name: string, outSize: number, inSize: number) =>
    scope.at('experts').experts(name, [3, outSize, inSize], { deviation: 0.5, stored: [] })
  const router = new MatrixParameter(new DenseWeight(scope.at('gate').parameter('weight', [6, 6], { normal: 0.5 })))
  return {
    model: new Mixture(
      scope.embedding('table', 7, 6, 1),
      new Router(router),
      new Experts(experts('gate_up_proj', 5, 6), experts('down_proj', 6, 5)),
    ),
    modelType: 'mixture',
    config: {},
    nameOrPath: null,
    revision: null,
    defaultTargets: [],
  }
}
