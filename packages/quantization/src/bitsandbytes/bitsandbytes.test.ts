import { hostTensor, memorySource, Parameter, type StoredTensor, type WeightSite } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { bitsandbytes } from './bitsandbytes.js'
import { type QuantState, stateText } from './quant-state.js'
import { isSkipped } from './skipped-modules.js'

const state: QuantState = { type: 'nf4', blockSize: 64, dtype: 'float32', shape: [4, 32] }
const NAME = 'weight.quant_state.bitsandbytes__nf4'

/** A layer (4, 32) whose checkpoint describes it so. */
function siteOf(text: string, more: Partial<WeightSite> = {}): WeightSite {
  const bytes = new TextEncoder().encode(text)
  const described: StoredTensor = { ...memorySource(hostTensor('u8', [bytes.length], bytes)), bytes }
  return {
    path: 'model.layers.0.proj',
    kind: 'linear',
    shape: [4, 32],
    dtype: 'f32',
    tensors: new Map([[NAME, described]]),
    isOutput: false,
    staysFloat: false,
    floats: () => new Parameter('weight', 'f32', [4, 32], memorySource(hostTensor('f32', [4, 32]))),
    stored: (name, { dtype, shape }) => new Parameter(name, dtype, shape, memorySource(hostTensor(dtype, shape))),
    ...more,
  }
}

const read = (site: WeightSite) => bitsandbytes().weights({ quant_method: 'bitsandbytes' })?.(site)
const refused = (text: string, details: object) =>
  expect(() => read(siteOf(text))).toThrow(
    expect.objectContaining({ code: 'quantization.state', details: expect.objectContaining(details) as object }),
  )

describe('a description of four-bit codes', () => {
  it('is read, whatever spaces follow it', () => {
    const weight = read(siteOf(stateText(state).padEnd(200)))
    expect(weight?.parameters.map(({ dtype, shape }) => `${dtype} ${shape}`)).toEqual([
      'u8 64,1',
      'f32 2',
      'f32 16',
      'u8 200',
    ])
  })

  it('is refused where it does not fit its layer, naming the tensor', () => {
    const tensor = `model.layers.0.proj.${NAME}`
    refused(stateText({ ...state, shape: [32, 4] }), { tensor, field: 'shape', value: [32, 4], want: [4, 32] })
    refused(stateText({ ...state, blockSize: 48 }), { tensor, field: 'blocksize', value: 48 })
    refused(stateText(state).replace('float32', 'float8'), { tensor, field: 'dtype', value: 'float8' })
    refused(stateText(state).replace('nf4', 'nf3'), { tensor, field: 'quant_type', value: 'nf3' })
    refused(stateText({ ...state, type: 'fp4' }), { tensor, type: 'fp4' })
    refused(stateText({ ...state, nested: { blockSize: 256, offset: 0.5 } }).replace('0.5', '"a"'), {
      field: 'nested_offset',
    })
    refused('{"quant_type": ', { tensor })
    refused('[]', { tensor })
  })

  it('has floats as Python writes them', () => {
    const offsets = [0, 1, 2.5, 1e-5, 1.25e-7, -3e20].map((offset) => {
      const text = stateText({ ...state, nested: { blockSize: 256, offset } })
      return /"nested_offset": (.*)}/.exec(text)?.[1]
    })
    expect(offsets).toEqual(['0.0', '1.0', '2.5', '1e-05', '1.25e-07', '-3e+20'])
  })
})

describe('bitsandbytes', () => {
  it.each<readonly [object, string]>([
    [{ loadIn4bit: true, loadIn8bit: true }, 'config.value'],
    [{ bnb4bitQuantType: 'nf3' }, 'config.value'],
    [{ bnb4bitQuantStorage: 'bfloat16' }, 'config.value'],
    [{ llmInt8Threshold: -1 }, 'config.value'],
    [{ llmInt8SkipModules: [3] }, 'config.value'],
    [{ loadIn4bits: true }, 'config.unknown'],
    [{ llmInt8HasFp16Weight: true }, 'config.unsupported'],
  ])('refuses %j with %s', (config, code) => {
    expect(() => bitsandbytes(config)).toThrow(expect.objectContaining({ code }))
  })

  it('refuses codes whose bytes are stored as other numbers, and codes in the order of old GPUs', () => {
    const config = { quant_method: 'bitsandbytes', bnb_4bit_quant_storage: 'bfloat16' }
    expect(() => bitsandbytes().weights(config)).toThrow(expect.objectContaining({ code: 'model.quantized' }))
    const format = { ...memorySource(hostTensor('u8', [])), bytes: Uint8Array.of(2) }
    const scales = memorySource(hostTensor('f32', [4]))
    const site = siteOf('', {
      tensors: new Map<string, StoredTensor>([
        ['SCB', scales],
        ['weight_format', format],
      ]),
    })
    expect(() => read(site)).toThrow(expect.objectContaining({ code: 'quantization.state' }))
  })

  it('packs no floats unless it is told to, and leaves out what it is told to, or the output layers', () => {
    expect(bitsandbytes().weights(null)).toBeUndefined()
    const site = siteOf('', { tensors: new Map() })
    const packs = (more: Partial<WeightSite>, skipped?: string[]) =>
      bitsandbytes({ loadIn4bit: true, llmInt8SkipModules: skipped ?? null }).weights(null)?.({ ...site, ...more })
    expect(packs({})).toBeDefined()
    expect(packs({ isOutput: true })).toBeUndefined()
    expect(packs({ isOutput: true }, [])).toBeDefined()
    expect(packs({}, ['proj'])).toBeUndefined()
    expect(packs({ staysFloat: true }, [])).toBeUndefined()
    expect(packs({ kind: 'embedding' })).toBeUndefined()
  })

  it('names layers as transformers does: by how their paths begin, as a pattern, or end', () => {
    const path = 'model.layers.11.mlp.up_proj'
    expect(['up_proj', 'model.layers.11', 'model.layers.1', '.*mlp'].map((name) => isSkipped(path, [name]))).toEqual([
      true,
      true,
      true,
      true,
    ])
    expect(['mlp', 'layers.11', 'down_proj'].map((name) => isSkipped(path, [name]))).toEqual([false, false, false])
  })
})
