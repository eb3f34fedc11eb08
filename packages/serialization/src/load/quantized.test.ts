import {
  type Architecture,
  type Embedding,
  type HostTensor,
  hostTensor,
  type Linear,
  Model,
  namedParameters,
  type Quantizer,
  reference,
  type Tensor,
  toFloat32,
  weightRequests,
} from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { blobFiles } from '../files/blob-files.js'
import { memoryFolder } from '../files/output-folder.js'
import { openWeights } from '../safetensors/sharded.js'
import { writeSafetensors } from '../safetensors/writer.js'
import { bitsandbytes } from './bitsandbytes.fake.js'
import { type LoadModelOptions, loadModel } from './load-model.js'
import { tensorToWrite } from './save-adapter.js'
import { saveModel } from './save-model.js'

/** A table and a layer, no more. */
class Two extends Model {
  readonly task = 'FEATURE_EXTRACTION'
  readonly causal = false
  readonly className = 'Two'
  readonly sizes = {
    vocabularySize: 3,
    hiddenSize: 4,
    layerCount: 1,
    headCount: 1,
    groupCount: 1,
    headSize: 4,
    maxPositions: null,
  }

  constructor(
    readonly embed: Embedding,
    readonly proj: Linear,
  ) {
    super()
  }

  forward(ids: Tensor): Tensor {
    return ids
  }
}

const two: Architecture = {
  modelType: 'two',
  tasks: ['FEATURE_EXTRACTION'],
  baseModelPrefix: 'model',
  defaultTargets: ['proj'],
  build: (_, scope) => new Two(scope.embedding('embed', 3, 4), scope.linear('proj', 4, 2, { bias: false })),
}

type Tensors = Readonly<Record<string, HostTensor>>

const table = { 'embed.weight': hostTensor('bf16', [3, 4], new Float32Array(12).fill(1)) }
const int8: Tensors = {
  ...table,
  'proj.weight': hostTensor('i8', [2, 4], [127, -127, 0, 127, 127, 0, -127, 0]),
  'proj.SCB': hostTensor('f32', [2], [0.1, 2]),
  'proj.weight_format': hostTensor('u8', [], [0]),
}
const state = new TextEncoder().encode(JSON.stringify({ quant_type: 'nf4', blocksize: 4, shape: [2, 4] }))
const nf4: Tensors = {
  ...table,
  'model.proj.weight': hostTensor('u8', [4, 1], [0x01, 0x23, 0xf0, 0x77]),
  'model.proj.weight.absmax': hostTensor('f32', [2], [1, 10]),
  'model.proj.weight.quant_map': hostTensor(
    'f32',
    [16],
    Float32Array.from({ length: 16 }, (_, i) => i),
  ),
  'model.proj.weight.quant_state.bitsandbytes__nf4': hostTensor('u8', [state.length], state),
}

const quantization_config = { quant_method: 'bitsandbytes', load_in_4bit: true }

async function filesOf(tensors: Tensors, config: object = { quantization_config, torch_dtype: 'bfloat16' }) {
  const memory = memoryFolder()
  const list = Object.entries(tensors).map(([name, tensor]) => tensorToWrite(name, tensor))
  await writeSafetensors(memory, 'model.safetensors', list)
  return memory.toFiles().set('config.json', new Blob([JSON.stringify({ model_type: 'two', ...config })]))
}

const load = async (files: Map<string, Blob>, options: Partial<LoadModelOptions> = {}) =>
  loadModel(files, { architectures: [two], quantizers: [bitsandbytes], ...options })

async function decoded({ model }: { readonly model: Model }): Promise<number[]> {
  const backend = reference()
  const weights = await backend.loadWeights(weightRequests(model))
  const executable = await backend.compile(
    { name: 'w', outputs: { w: (model as Two).proj.weight.value() } },
    { weights },
  )
  const { w } = await executable.run({})
  return [...toFloat32(w as HostTensor)].map((value) => Number(value.toFixed(4)))
}

describe('loadModel with a quantizer', () => {
  it('reads packed weights from the tensors of their layer, under the names of the file', async () => {
    const model = await load(await filesOf(int8))
    expect([...namedParameters(model.model).keys()]).toEqual([
      'embed.weight',
      'proj.weight',
      'proj.SCB',
      'proj.weight_format',
    ])
    expect(model.unused).toEqual([])
    expect(await decoded(model)).toEqual([0.1, -0.1, 0, 0.1, 2, 0, -2, 0])
  })

  it('lets it read what describes them before the tree is built, whatever prefix the file has', async () => {
    const model = await load(await filesOf(nf4))
    expect([...namedParameters(model.model).keys()].at(-1)).toBe('proj.weight.quant_state.bitsandbytes__nf4')
    expect(model.unused).toEqual([])
    expect(await decoded(model)).toEqual([0, 1, 2, 3, 150, 0, 70, 70])
  })

  it('saves them as they were, floats beside them in the dtype of the model, and loads them again', async () => {
    for (const tensors of [int8, nf4]) {
      const memory = memoryFolder()
      const model = await load(await filesOf(tensors))
      await saveModel(model, memory)
      const saved = await openWeights(blobFiles(memory.toFiles()))
      for (const [name, tensor] of Object.entries(tensors))
        expect([...((await saved.tensors.get(name.replace('model.', ''))?.read()) ?? [])]).toEqual([
          ...new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength),
        ])
      const again = await load(memory.toFiles())
      expect(again.config).toMatchObject({ quantization_config, dtype: 'bfloat16' })
      expect(await decoded(again)).toEqual(await decoded(model))
    }
  })

  it('collects what packed weights lack, and never takes codes for floats', async () => {
    const { 'proj.SCB': _, ...unscaled } = int8
    await expect(load(await filesOf(unscaled))).rejects.toMatchObject({
      code: 'model.parameters',
      details: { faults: ['proj.weight: i8 in the file, and f32 is asked for'] },
    })
    await expect(load(await filesOf({ ...int8, 'proj.SCB': hostTensor('f32', [3]) }))).rejects.toMatchObject({
      details: { faults: ['proj.SCB: [3] in the file, [2] by the config'] },
    })
  })

  it('chooses by the method, names those it has, and leaves floats to quantizers that pack them', async () => {
    const gptq = { quantization_config: { quant_method: 'gptq', bits: 4 } }
    await expect(load(await filesOf(int8, gptq))).rejects.toMatchObject({
      code: 'model.quantized',
      details: { method: 'gptq', form: '4 bits', known: ['bitsandbytes'] },
    })
    await expect(load(await filesOf(int8, {}))).rejects.toMatchObject({ code: 'model.quantized' })
    const floats = await filesOf({ ...table, 'proj.weight': hostTensor('f32', [2, 4], [1, 2, 3, 4, 5, 6, 7, 8]) }, {})
    expect(await decoded(await load(floats))).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    const seen: string[] = []
    const looking: Quantizer = {
      method: 'looking',
      weights: () => (site) => {
        seen.push(`${site.path} ${site.kind} [${site.shape}]: ${[...site.tensors.keys()]}`)
        return undefined
      },
    }
    await load(floats, { quantizers: [bitsandbytes, looking] })
    await expect(load(await filesOf(int8, {}), { quantizers: [looking] })).rejects.toMatchObject({
      code: 'model.quantized',
    })
    expect(seen).toEqual(['embed embedding [3,4]: weight', 'proj linear [2,4]: weight'])
  })
})
