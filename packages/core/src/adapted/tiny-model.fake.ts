/** A small causal model and small tuners for tests: every kind of adaptable layer, tied weights, a norm, numbered layers. */

import { reference } from '../backend/reference.js'
import { type HostTensor, hostTensor } from '../dtype.js'
import { add, mul } from '../graph/ops/binary.js'
import { input } from '../graph/ops/input.js'
import { matmul } from '../graph/ops/matmul.js'
import { reshape } from '../graph/ops/reshape.js'
import type { Tensor } from '../graph/tensor.js'
import { passOf } from '../model/inputs.js'
import { CausalLM, type Model } from '../model/model.js'
import { type Conv1D, type Embedding, Linear } from '../module/adaptable.js'
import type { Context } from '../module/context.js'
import { Module } from '../module/module.js'
import type { RmsNorm } from '../module/norm.js'
import type { WeightFactory } from '../module/quantizer.js'
import { initialValues, ParameterScope } from '../module/scope.js'
import { Random } from '../random.js'
import { defineTuner } from '../tuner/define-tuner.js'
import type { TargetConfig } from '../tuner/families.js'
import type { AdaptedModel } from './adapted-model.js'
import type { BaseModel } from './base-model.js'
import { weightRequests } from './weights.js'

const SIZE = 4
const ROWS = 6

class TinyBlock extends Module {
  constructor(
    readonly norm: RmsNorm,
    readonly q_proj: Linear,
    readonly c_proj: Conv1D,
  ) {
    super()
  }

  forward(x: Tensor, context: Context): Tensor {
    const branch = (this.q_proj as Module).forward(this.norm.forward(x), context)
    return add(x, (this.c_proj as Module).forward(branch, context))
  }
}

class TinyBody extends Module {
  constructor(
    readonly embed_tokens: Embedding,
    readonly layers: readonly TinyBlock[],
  ) {
    super()
  }

  forward(ids: Tensor, context: Context): Tensor {
    const embedded = (this.embed_tokens as Module).forward(ids, context)
    return this.layers.reduce((x, layer) => layer.forward(x, context), embedded)
  }
}

class TinyForCausalLM extends CausalLM {
  readonly className = 'TinyForCausalLM'
  readonly sizes = {
    vocabularySize: ROWS,
    hiddenSize: SIZE,
    layerCount: 2,
    headCount: 1,
    groupCount: 1,
    headSize: SIZE,
    maxPositions: null,
  }

  constructor(
    readonly model: TinyBody,
    readonly lm_head: Module,
  ) {
    super()
  }

  override get layerPaths(): readonly string[] {
    return ['model.layers']
  }

  hidden(ids: Tensor, context: Context): Tensor {
    return this.model.forward(ids, context)
  }

  head(): Module {
    return this.lm_head
  }
}

/** A base model with `model.embed_tokens`, two layers of `norm`, `q_proj` (linear) and `c_proj` (Conv1D), and `lm_head`. */
export function tinyBase(
  options: { readonly tied?: boolean; readonly layers?: number; readonly weightOf?: WeightFactory } = {},
): BaseModel {
  const scope = new ParameterScope(initialValues(new Random(1)), options)
  const body = scope.at('model')
  const embedding = body.embedding('embed_tokens', ROWS, SIZE, 1)
  const layers = Array.from({ length: options.layers ?? 2 }, (_, i) => {
    const own = body.at(`layers.${i}`)
    return new TinyBlock(
      own.rmsNorm('norm', SIZE, 1e-6),
      own.linear('q_proj', SIZE, SIZE, { bias: false, deviation: 0.5 }),
      own.conv1d('c_proj', SIZE, SIZE),
    )
  })
  const head =
    options.tied === true
      ? new Linear(embedding.weight, null)
      : scope.linear('lm_head', SIZE, ROWS, { bias: false, deviation: 0.5 })
  return {
    model: new TinyForCausalLM(new TinyBody(embedding, layers), head),
    modelType: 'tiny',
    config: {},
    nameOrPath: 'me/tiny',
    revision: null,
    defaultTargets: ['q_proj'],
  }
}

/** Configuration of `shift`. */
export interface ShiftConfig extends TargetConfig {
  readonly start: number
}

const targetsOf = (raw: Readonly<Record<string, unknown>>): TargetConfig => ({
  targetModules: (raw.targetModules as string[] | null | undefined) ?? null,
  excludeModules: (raw.excludeModules as string[] | null | undefined) ?? null,
  modulesToSave: (raw.modulesToSave as string[] | null | undefined) ?? null,
  bias: (raw.bias as string | undefined) ?? 'none',
})

/** W' = W + a b, b' = b + a: only its definition, so that core's own forward is used. Legend: a (out, 1), b (1, in). */
export const shift = defineTuner<ShiftConfig, { readonly a: Tensor; readonly b: Tensor }>({
  kind: 'shift',
  layers: ['linear', 'conv1d', 'embedding'],
  parse: (raw) => ({ ...targetsOf(raw), start: Number(raw.start ?? 0) }),
  fileKeys: { a: 'shift_a', b: 'shift_b.weight' },
  create: ({ site, config, random }) => {
    const [rows, columns] = site.kind === 'embedding' ? [site.inSize, site.outSize] : [site.outSize, site.inSize]
    return {
      a: hostTensor('f32', [rows, 1], new Float32Array(rows).fill(config.start)),
      b: hostTensor('f32', [1, columns], random.at('b').uniform(columns, 1)),
    }
  },
  merge: ({ weight, bias, state: { a, b } }) => {
    const merged = add(weight, matmul(a, b))
    return bias === undefined ? merged : { weight: merged, bias: add(bias, reshape(a, bias.shape)) }
  },
})

/** y' = factor y, without merge; the factor is a buffer. */
export const stretch = defineTuner<TargetConfig & { readonly factor: number }, { readonly factor: Tensor }, 'factor'>({
  kind: 'stretch',
  parse: (raw) => ({ ...targetsOf(raw), factor: Number(raw.factor ?? 2) }),
  fileKeys: {},
  create: () => ({}),
  buffers: ({ config }) => ({ factor: hostTensor('f32', [], [config.factor]) }),
  forward: ({ x, inner, state }) => mul(inner(x), state.factor),
})

/** Logits of two rows of ids for the model's present state, on the reference backend. */
export async function logitsOf(adapted: AdaptedModel, model: Model = adapted.model): Promise<HostTensor> {
  const backend = reference()
  const ids = input('feed', 'input_ids', 'i32', [2, 3])
  const pass = passOf({ input_ids: ids }, true)
  const outputs = { logits: model.forward(pass.ids, pass.context) }
  const weights = await backend.loadWeights(weightRequests(model))
  const executable = await backend.compile({ name: 'test', outputs }, { weights })
  const state = await Promise.all(
    adapted.boundAdapters.map(async ({ adapter, prefix }) => ({ set: await adapter.stateOn(backend), prefix })),
  )
  const feeds = { input_ids: hostTensor('i32', [2, 3], [0, 1, 2, 5, 4, 3]) }
  const { logits } = await executable.run({ feeds, state })
  return logits as HostTensor
}

/** Largest difference between two tensors. */
export function distance(a: HostTensor, b: HostTensor): number {
  return Math.max(...Array.from(a.data, (value, i) => Math.abs(value - (b.data[i] as number))))
}
