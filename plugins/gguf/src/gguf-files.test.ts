import { EspalierError, parameterCount } from '@espalier/core'
import { Tokenizer } from '@espalier/data'
import { llama } from '@espalier/models'
import { blobFiles, loadModel, openSafetensors, readJson, readText } from '@espalier/serialization'
import { describe, expect, it } from 'vitest'
import { ggufBytes, type Written, type WrittenTensor } from './gguf-writer.fake.js'
import { ggufFiles, ggufWeights } from './index.js'
import { tinyLlama, tinyMetadata, tinyTensors } from './tiny-llama.fake.js'

const open = (bytes: Uint8Array<ArrayBuffer>) =>
  ggufFiles(blobFiles(new Map([['m.gguf', new Blob([bytes])]])), 'm.gguf')
const written = (
  metadata: Readonly<Record<string, Written>> = {},
  tensors: readonly WrittenTensor[] = tinyTensors(12, 'Q4_K'),
) => open(ggufBytes({ ...tinyMetadata, ...metadata }, tensors))
const without = (key: string) =>
  open(
    ggufBytes(Object.fromEntries(Object.entries(tinyMetadata).filter(([own]) => own !== key)), tinyTensors(12, 'Q4_K')),
  )
const tensor = (change: (tensor: WrittenTensor) => WrittenTensor, name = 'blk.0.attn_q.weight') =>
  written(
    {},
    tinyTensors(12, 'Q4_K').map((each) => (each.name === name ? change(each) : each)),
  )

describe('a GGUF file as a folder', () => {
  it('has a configuration, a tokenizer and weights that a model is loaded from', async () => {
    const files = await open(tinyLlama())
    expect(await files.list()).toEqual([
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ])
    expect(await readJson(files, 'config.json')).toMatchObject({
      model_type: 'llama',
      hidden_size: 256,
      head_dim: 128,
      vocab_size: 12,
      rms_norm_eps: 1e-5,
      tie_word_embeddings: true,
      eos_token_id: 10,
    })
    const model = await loadModel(files, { architectures: [llama], quantizers: [ggufWeights()] })
    expect(model.unused).toEqual([])
    expect(parameterCount(model.model)).toBe(12 * 256 + 3 * 256 + 5 * 256 * 256 + 2 * 128 * 256)
    await model.close()
    const weights = await openSafetensors(await files.open('model.safetensors'))
    expect(weights.tensors.get('model.layers.0.self_attn.q_proj.weight')).toMatchObject({
      dtype: 'U8',
      shape: [256, 128],
    })
    await weights.close()
    const tokenizer = await Tokenizer.fromFiles(async (name) =>
      (await files.exists(name)) ? readText(files, name) : undefined,
    )
    expect(tokenizer.encode('abc ab</s>').inputIds).toEqual([9, 8, 2, 11, 8, 10])
    expect(tokenizer.decode([9, 8, 2, 11, 8], { skipSpecialTokens: true })).toBe('abc ab')
  })

  it('stretches positions as the file says', async () => {
    const scaled = async (metadata: Readonly<Record<string, Written>>) =>
      ((await readJson(await written(metadata), 'config.json')) as { rope_scaling?: unknown }).rope_scaling
    expect(await scaled({ 'llama.rope.scaling.type': ['text', 'none'] })).toBeUndefined()
    expect(
      await scaled({ 'llama.rope.scaling.type': ['text', 'linear'], 'llama.rope.scaling.factor': ['f32', 2] }),
    ).toEqual({ rope_type: 'linear', factor: 2 })
    expect(
      await scaled({
        'llama.rope.scaling.type': ['text', 'yarn'],
        'llama.rope.scaling.factor': ['f32', 4],
        'llama.rope.scaling.original_context_length': ['u32', 16],
      }),
    ).toEqual({ rope_type: 'yarn', factor: 4, original_max_position_embeddings: 16 })
  })

  it('leaves a tokenizer out that it does not read, and says so to who asks for it', async () => {
    const files = await written({ 'tokenizer.ggml.pre': ['text', 'of-tomorrow'] })
    expect(await files.exists('tokenizer.json')).toBe(false)
    expect((await loadModel(files, { architectures: [llama], quantizers: [ggufWeights()] })).unused).toEqual([])
  })
})

describe('a GGUF file that is not read', () => {
  it.each([
    [
      'version',
      () => open(ggufBytes(tinyMetadata, tinyTensors(12, 'Q4_K'), { version: 1 })),
      'gguf.unsupported',
      { version: 1 },
    ],
    [
      'architecture',
      () => written({ 'general.architecture': ['text', 'rwkv'] }),
      'gguf.unsupported',
      { architecture: 'rwkv' },
    ],
    [
      'type',
      () => tensor((one) => ({ ...one, type: 16 })),
      'gguf.unsupported',
      { tensor: 'blk.0.attn_q.weight', type: 'IQ2_XXS' },
    ],
    [
      'tensor',
      () => tensor((one) => ({ ...one, name: 'blk.0.attn_sinks.weight' })),
      'gguf.unsupported',
      { tensor: 'blk.0.attn_sinks.weight' },
    ],
    ['experts', () => written({ 'llama.expert_count': ['u32', 8] }), 'gguf.unsupported', { key: 'llama.expert_count' }],
    ['stretching', () => written({ 'llama.rope.scaling.type': ['text', 'new'] }), 'gguf.unsupported', { value: 'new' }],
    ['magic', () => open(new Uint8Array(64)), 'gguf.header', { file: 'm.gguf' }],
    ['lacking value', () => without('llama.block_count'), 'gguf.header', { key: 'llama.block_count' }],
    [
      'wrong kind',
      () => written({ 'llama.block_count': ['text', 'one'] }),
      'gguf.header',
      { key: 'llama.block_count' },
    ],
    [
      'huge number',
      () => written({ 'llama.block_count': ['u64', 2n ** 63n] }),
      'gguf.header',
      { key: 'llama.block_count' },
    ],
    ['alignment', () => written({ 'general.alignment': ['u32', 3] }), 'gguf.header', { alignment: '3' }],
    [
      'row',
      () => tensor((one) => ({ ...one, shape: [one.shape[0] ?? 0, 100] })),
      'gguf.header',
      { tensor: 'blk.0.attn_q.weight' },
    ],
    [
      'length',
      () => tensor((one) => ({ ...one, shape: [2 ** 40, 256] })),
      'gguf.header',
      { tensor: 'blk.0.attn_q.weight' },
    ],
    [
      'two of a name',
      () => tensor((one) => ({ ...one, name: 'blk.0.attn_k.weight' })),
      'gguf.header',
      { tensor: 'blk.0.attn_k.weight' },
    ],
    [
      'overlap',
      () => tensor((one) => ({ ...one, shape: [512, 256] })),
      'gguf.header',
      { tensors: ['blk.0.attn_q.weight', 'blk.0.attn_k.weight'] },
    ],
    ['token beyond', () => written({ 'tokenizer.ggml.bos_token_id': ['u32', 99] }), 'gguf.header', { id: 99 }],
  ] as const)('%s', async (_, read, code, details) => {
    // biome-ignore format: a table
    await expect(read()).rejects.toMatchObject({ code, details: expect.objectContaining(details) as object })
  })

  it('whatever bytes of its header are wrong, ends in an error that says so, or is read', async () => {
    const whole = tinyLlama()
    const headerLength =
      whole.byteLength - tinyTensors(12, 'Q4_K').reduce((sum, { bytes }) => sum + bytes.byteLength, 0)
    const counts = { read: 0, refused: 0 }
    let seed = 1
    const draw = (below: number) => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
      return Math.floor((seed / 2 ** 32) * below)
    }
    for (let i = 0; i < 10_000; i++) {
      let bytes = whole.slice()
      for (let n = draw(4); n >= 0; n--) bytes[draw(headerLength)] = draw(3) === 0 ? 255 : draw(256)
      if (draw(5) === 0) bytes = bytes.slice(0, draw(whole.byteLength))
      try {
        await loadModel(await open(bytes), { architectures: [llama], quantizers: [ggufWeights()] })
        counts.read++
      } catch (error) {
        if (!EspalierError.isInstance(error)) throw error
        counts.refused++
      }
    }
    console.log(`10,000 changed headers: ${counts.read} read, ${counts.refused} refused`)
    expect(counts.refused).toBeGreaterThan(1000)
    expect(counts.read).toBeGreaterThan(100)
  }, 120_000)
})
