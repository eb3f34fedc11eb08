/** A model of two layers, its files, and the simplest tuner: for tests of loading and saving. */
import {
  type Architecture,
  defineTuner,
  type Embedding,
  hostTensor,
  type Linear,
  Model,
  type ModelSizes,
  Module,
  matmul,
  type Tensor,
} from '@espalier/core'
import { memoryFolder } from '../files/output-folder.js'
import { type TensorToWrite, writeSafetensors } from '../safetensors/writer.js'
import { loadModel } from './load-model.js'
import { tensorToWrite } from './save-adapter.js'

/** Just enough to be loaded, adapted and saved. */
abstract class Tiny extends Model {
  readonly causal = false
  readonly className = 'TinyForSequenceClassification'
  readonly sizes: ModelSizes = {
    vocabularySize: 3,
    hiddenSize: 2,
    layerCount: 1,
    headCount: 1,
    groupCount: 1,
    headSize: 2,
    maxPositions: null,
  }
  forward(ids: Tensor): Tensor {
    return ids
  }
}

class Body extends Module {
  constructor(
    readonly embed: Embedding,
    readonly query: Linear,
  ) {
    super()
  }
  forward(ids: Tensor): Tensor {
    return ids
  }
}

class Classifier extends Tiny {
  readonly task = 'SEQ_CLS'
  constructor(
    readonly tiny: Body,
    readonly classifier: Linear,
  ) {
    super()
  }
}

class Bare extends Tiny {
  readonly task = 'FEATURE_EXTRACTION'
  constructor(
    readonly embed: Embedding,
    readonly query: Linear,
  ) {
    super()
  }
}

/** Their family. */
export const tiny: Architecture = {
  modelType: 'tiny',
  tasks: ['SEQ_CLS', 'FEATURE_EXTRACTION'],
  baseModelPrefix: 'tiny',
  defaultTargets: ['query'],
  renameParameter: (name) => name.replace('gamma', 'weight'),
  build(config, scope, task) {
    const base = task === 'FEATURE_EXTRACTION' ? scope : scope.at('tiny')
    const [embed, query] = [base.embedding('embed', 3, 2), base.linear('query', 2, 2, { bias: false })]
    if (task === 'FEATURE_EXTRACTION') return new Bare(embed, query)
    const labels = typeof config.num_labels === 'number' ? config.num_labels : 2
    return new Classifier(new Body(embed, query), scope.linear('classifier', 2, labels, { bias: true }))
  },
}

/** W' = W + B, the simplest adapter there is. */
export const shift = defineTuner<
  { size: number; targetModules: string[] | string | null; modulesToSave: string[] | null },
  { B: Tensor }
>({
  kind: 'shift',
  parse: (raw) => ({
    size: Number(raw.size ?? 1),
    targetModules: (raw.targetModules as string[] | undefined) ?? null,
    modulesToSave: (raw.modulesToSave as string[] | undefined) ?? null,
  }),
  fileKeys: { B: 'shift_B.weight' },
  create: ({ site }) => ({
    B: hostTensor('f32', [site.outSize, site.inSize], new Float32Array(site.outSize * site.inSize)),
  }),
  merge: ({ weight, state }) => matmul(weight, state.B),
})

/** A tensor of one value. */
export const floats = (name: string, shape: number[], value: number): TensorToWrite =>
  tensorToWrite(name, hostTensor('f32', shape, new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value)))

/** A model as files: the bare model unless more is given. */
export async function modelFiles(config: object = {}, tensors?: TensorToWrite[]): Promise<Map<string, Blob>> {
  const memory = memoryFolder()
  const list = tensors ?? [floats('embed.weight', [3, 2], 1), floats('query.gamma', [2, 2], 2), floats('extra', [1], 0)]
  await writeSafetensors(memory, 'model.safetensors', list)
  return memory.toFiles().set('config.json', new Blob([JSON.stringify({ model_type: 'tiny', ...config })]))
}

/** Loads it. */
export const load = (source: Parameters<typeof loadModel>[0], options: Partial<Parameters<typeof loadModel>[1]> = {}) =>
  loadModel(source, { architectures: [tiny], ...options })
