import {
  type Architecture,
  type ExpertLinear,
  hostTensor,
  Model,
  type ModelSizes,
  namedParameters,
  readSource,
  type Tensor,
} from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { memoryFolder } from '../files/output-folder.js'
import { openSafetensors } from '../safetensors/reader.js'
import { writeSafetensors } from '../safetensors/writer.js'
import { loadModel } from './load-model.js'
import { tensorToWrite } from './save-adapter.js'
import { saveModel } from './save-model.js'

class Mixture extends Model {
  readonly causal = false
  readonly className = 'MixtureModel'
  readonly task = 'FEATURE_EXTRACTION'
  readonly sizes: ModelSizes = {
    vocabularySize: 3,
    hiddenSize: 2,
    layerCount: 1,
    headCount: 1,
    groupCount: 1,
    headSize: 2,
    maxPositions: null,
  }
  constructor(readonly wide: ExpertLinear) {
    super()
  }
  forward(ids: Tensor): Tensor {
    return ids
  }
}

const names = ['old.0.w', 'old.1.w', 'old.2.w']

const mixture: Architecture = {
  modelType: 'mixture',
  tasks: ['FEATURE_EXTRACTION'],
  baseModelPrefix: 'model',
  defaultTargets: [],
  build: (_, scope) =>
    new Mixture(
      scope.experts('wide', [3, 1, 2], { deviation: 0.02, stored: names.map((name) => ({ name, shape: [1, 2] })) }),
    ),
}

const value = (i: number) => hostTensor('bf16', [1, 2], [i, i + 0.5])

async function load(prefix = '') {
  const memory = memoryFolder()
  await writeSafetensors(
    memory,
    'model.safetensors',
    names.map((name, i) => tensorToWrite(prefix + name, value(i))),
  )
  const files = memory.toFiles().set('config.json', new Blob(['{"model_type": "mixture", "dtype": "bfloat16"}']))
  return loadModel(files, { architectures: [mixture] })
}

async function saved(base: Awaited<ReturnType<typeof load>>, options: Parameters<typeof saveModel>[2] = {}) {
  const memory = memoryFolder()
  await saveModel(base, memory, options)
  const blob = memory.toFiles().get('model.safetensors') as Blob
  const bytes = new Uint8Array(await blob.arrayBuffer())
  const file = await openSafetensors({
    name: 'model.safetensors',
    size: bytes.length,
    read: async (from, to) => bytes.slice(from, to),
    close: async () => {},
  })
  const read = async (name: string) => [file.tensors.get(name)?.dtype, [...(await file.read(name))]]
  return { names: [...file.tensors.keys()], values: await Promise.all(names.map(read)) }
}

describe('parameters that files keep in parts', () => {
  it.each(['', 'model.'])('are one parameter of what the parts hold, named with %j in front', async (prefix) => {
    const base = await load(prefix)
    expect(base.unused).toEqual([])
    const wide = namedParameters(base.model).get('wide')
    expect([...(await readSource(wide!.source)).data]).toEqual([0, 0.5, 1, 1.5, 2, 2.5])
  })

  it('are saved in those parts, as they were or with other values', async () => {
    const base = await load()
    const bytes = (i: number, from: number) => [...new Uint8Array(value(i + from).data.buffer)]
    expect(await saved(base)).toEqual({ names, values: names.map((_, i) => ['BF16', bytes(i, 0)]) })
    const trained = hostTensor('f32', [3, 1, 2], [4, 4.5, 5, 5.5, 6, 6.5])
    const made = await saved(base, { values: new Map([['wide', trained]]), dtype: 'bf16' })
    expect(made).toEqual({ names, values: names.map((_, i) => ['BF16', bytes(i, 4)]) })
  })
})
