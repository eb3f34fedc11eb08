/** Packed programs give what the reference executor gives, and what cannot be packed is left to ONNX Runtime. */
import { readFile } from 'node:fs/promises'
import {
  add,
  type Backend,
  broadcast,
  type CallDefinition,
  cachedAttention,
  cachedAttentionCall,
  call,
  cast,
  concat,
  constantTensor,
  cos,
  decodeBf16,
  encodeBf16,
  feed,
  gatherRows,
  gelu,
  geluCall,
  hostTensor,
  input,
  iota,
  isOp,
  layerNorm,
  matmul,
  memorySource,
  mul,
  type OpAttrs,
  type ParameterSource,
  type Program,
  permute,
  programRoots,
  Random,
  rebuild,
  reference,
  reshape,
  rmsNorm,
  rope,
  ropeCall,
  type Shape,
  silu,
  siluCall,
  sin,
  sizeOf,
  sliceAxis,
  type Tensor,
  topK,
  withRoots,
  writeRows,
} from '@espalier/core'
import { afterAll, describe, expect, it } from 'vitest'
import { compileKernels } from '../../kernels/compile.mjs'
import { onnx } from '../index.js'
import { planPacked } from './plan-packed.js'

const HIDDEN = 24
const [HEADS, GROUPS, SIZE, WORDS] = [4, 2, 6, 13]

interface Sizes {
  readonly batch: number
  readonly slots: number
  readonly window: number | null
  /** Slots in use at first. */
  readonly from?: number
}

// One layer of a made-up model that has a bit of everything: both norms, both activations, both ways round of a weight, a LoRA.
function decoder({ batch, slots, window }: Sizes): Program {
  const weight = (name: string, shape: Shape) => input('weight', name, 'f32', shape)
  const state = (name: string, shape: Shape) => input('state', name, 'f32', shape)
  const embedding = weight('embedding', [WORDS, HIDDEN])
  const positions = feed('position_ids', 'i32', [batch, 1])
  const filled = feed('filled', 'i32', [])
  const x = add(
    gatherRows(embedding, feed('input_ids', 'i32', [batch, 1])),
    gatherRows(weight('places', [40, HIDDEN]), positions),
  )
  const normal = reshape(rmsNorm(x, weight('norm1', [HIDDEN]), 1e-5), [batch, HIDDEN])

  const joined = add(
    matmul(normal, weight('qkv', [HIDDEN, (HEADS + 2 * GROUPS) * SIZE])),
    weight('bias', [(HEADS + 2 * GROUPS) * SIZE]),
  )
  const lora = mul(
    matmul(matmul(normal, state('A', [3, HIDDEN]), { transposeB: true }), state('B', [HEADS * SIZE, 3]), {
      transposeB: true,
    }),
    state('scale', []),
  )
  const part = (from: number, heads: number) =>
    permute(reshape(sliceAxis(joined, 1, from * SIZE, (from + heads) * SIZE), [batch, 1, heads, SIZE]), [0, 2, 1, 3])
  const angles = mul(
    reshape(cast(positions, 'f32'), [batch, 1, 1]),
    constantTensor(
      hostTensor(
        'f32',
        [1, 1, SIZE / 2],
        Float32Array.from({ length: SIZE / 2 }, (_, i) => 0.3 ** i),
      ),
    ),
  )
  const turned = (t: Tensor) => rope(t, cos(angles), sin(angles))
  const q = turned(add(part(0, HEADS), reshape(lora, [batch, HEADS, 1, SIZE])))
  const k = turned(part(HEADS, GROUPS))
  const v = part(HEADS + GROUPS, GROUPS)
  const [keys, values] = [state('keys', [batch, GROUPS, slots, SIZE]), state('values', [batch, GROUPS, slots, SIZE])]
  const keep = feed('keep', 'bool', [batch, slots])
  const seen = cachedAttention([q, keys, values, k, v, filled, keep], { scale: 0.4, window })
  const after = add(x, reshape(seen, [batch, 1, HIDDEN]))

  const second = reshape(layerNorm(after, weight('norm2', [HIDDEN]), weight('bias2', [HIDDEN]), 1e-5), [batch, HIDDEN])
  const up = matmul(second, weight('up', [40, HIDDEN]), { transposeB: true })
  const gate = matmul(second, weight('gate', [40, HIDDEN]), { transposeB: true })
  const wide = add(mul(silu(gate), up), gelu(up, 'tanh'))
  const shifted = add(wide, broadcast(mul(cast(iota([1, 40], 1), 'f32'), 0.01), [batch, 40]))
  const down = matmul(shifted, weight('down', [HIDDEN, 40]), { transposeB: true })
  const last = concat([sliceAxis(down, 1, 12, 24), sliceAxis(down, 1, 0, 12)], 1)
  const logits = matmul(add(last, reshape(after, [batch, HIDDEN])), embedding, { transposeB: true })
  return {
    name: 'decode',
    outputs: { logits, token: topK(logits, 1).indices, hidden: last },
    updates: {
      keys: writeRows(keys, filled, k, 2),
      values: writeRows(values, filled, v, 2),
      scale: mul(state('scale', []), 0.5),
    },
  }
}

/** A program that reads a prompt, as far as the cache is concerned. */
function prefill({ batch, slots }: Sizes): Program {
  const shape = [batch, GROUPS, slots, SIZE]
  const rows = feed('rows', 'f32', [batch, GROUPS, 2, SIZE])
  return {
    name: 'prefill',
    outputs: {},
    updates: { keys: writeRows(input('state', 'keys', 'f32', shape), feed('at', 'i32', []), rows, 2) },
  }
}

const random = new Random(3)
const numbers = (count: number) => random.uniform(count, 0.5)
const rounded = (count: number) => numbers(count).map((x) => decodeBf16(encodeBf16(x)))

function inputsOf(program: Program, sizes: Sizes, values: (count: number) => Float32Array = rounded) {
  const { batch, slots } = sizes
  const weights = new Map<string, { source: ParameterSource; dtype: 'f32' }>()
  const shapes: Record<string, Shape> = {
    embedding: [WORDS, HIDDEN],
    places: [40, HIDDEN],
    norm1: [HIDDEN],
    norm2: [HIDDEN],
    bias2: [HIDDEN],
    qkv: [HIDDEN, (HEADS + 2 * GROUPS) * SIZE],
    bias: [(HEADS + 2 * GROUPS) * SIZE],
    up: [40, HIDDEN],
    gate: [40, HIDDEN],
    down: [HIDDEN, 40],
  }
  for (const [name, shape] of Object.entries(shapes))
    weights.set(name, { source: memorySource(hostTensor('f32', shape, values(sizeOf(shape)))), dtype: 'f32' })
  const cache = [batch, GROUPS, slots, SIZE]
  const state = new Map([
    ['A', hostTensor('f32', [3, HIDDEN], numbers(3 * HIDDEN))],
    ['B', hostTensor('f32', [HEADS * SIZE, 3], numbers(HEADS * SIZE * 3))],
    ['scale', hostTensor('f32', [], [1.5])],
    ['keys', hostTensor('f32', cache, numbers(sizeOf(cache)))],
    ['values', hostTensor('f32', cache, numbers(sizeOf(cache)))],
  ])
  return { program, weights, state }
}

const feedsOf = ({ batch, slots }: Sizes, step: number) => ({
  input_ids: hostTensor(
    'i32',
    [batch, 1],
    Array.from({ length: batch }, (_, row) => (step * 5 + row * 3) % WORDS),
  ),
  position_ids: hostTensor(
    'i32',
    [batch, 1],
    Array.from({ length: batch }, (_, row) => (step + row) % 40),
  ),
  filled: hostTensor('i32', [], [step]),
  keep: hostTensor(
    'bool',
    [batch, slots],
    Array.from({ length: batch * slots }, (_, i) => (i % slots < Math.floor(i / slots) ? 0 : 1)),
  ),
})

// Three tokens, rows written into the cache by another program, and a fourth token.
async function results(backend: Backend, { program, weights, state }: ReturnType<typeof inputsOf>, sizes: Sizes) {
  const loaded = await backend.loadWeights(weights)
  const executable = await backend.compile(program, { weights: loaded })
  const other = await backend.compile(prefill(sizes))
  const set = await backend.createState(state)
  const outputs = []
  const { from = 1 } = sizes
  for (const step of [from, from + 1, from + 2, from + 3]) {
    if (step === from + 3) {
      const rows = hostTensor(
        'f32',
        [sizes.batch, GROUPS, 2, SIZE],
        new Float32Array(sizes.batch * GROUPS * 2 * SIZE).fill(0.3),
      )
      await other.run({ feeds: { rows, at: hostTensor('i32', [], [0]) }, state: [{ set }] })
    }
    outputs.push(await executable.run({ feeds: feedsOf(sizes, step), state: [{ set }] }))
  }
  return { outputs, state: await set.read() }
}

describe('packed programs', () => {
  const backend = onnx({ threads: 2 })
  afterAll(() => backend.close())

  it.each([
    { batch: 1, slots: 9, window: null },
    { batch: 3, slots: 9, window: null },
    { batch: 2, slots: 9, window: 2 },
    { batch: 3, slots: 3000, window: null, from: 2990 }, // long enough for the threads to share the attention
  ])('give what the reference gives: %o', async (sizes) => {
    const inputs = inputsOf(decoder(sizes), sizes)
    expect(planPacked(inputs.program, () => 1)).toBeDefined()
    const got = await results(backend, inputs, sizes)
    const want = await results(reference({ precision: 'f64' }), inputs, sizes)
    for (const [i, step] of want.outputs.entries()) {
      for (const [name, { data }] of Object.entries(step)) {
        const own = got.outputs[i]?.[name]?.data ?? []
        expect(own.length).toBe(data.length)
        for (const [at, value] of data.entries()) expect(Math.abs((own[at] as number) - value)).toBeLessThan(2e-5)
      }
    }
    for (const [name, { data }] of want.state)
      for (const [at, value] of data.entries())
        expect(Math.abs((got.state.get(name)?.data[at] as number) - value)).toBeLessThan(2e-5)
  })

  it('are left to ONNX Runtime when a weight needs more than 16 bits', async () => {
    const sizes = { batch: 1, slots: 9, window: null }
    const inputs = inputsOf(decoder(sizes), sizes, numbers)
    const got = await results(backend, inputs, sizes)
    const want = await results(reference(), inputs, sizes)
    for (const [i, { logits }] of want.outputs.entries())
      for (const [at, value] of (logits?.data ?? []).entries())
        expect(Math.abs((got.outputs[i]?.logits?.data[at] as number) - value)).toBeLessThan(2e-5)
  })

  it('leave scores that their attention does not make to ONNX Runtime', async () => {
    const sizes = { batch: 1, slots: 9, window: null }
    const program = decoder(sizes)
    const roots = rebuild(programRoots(program), (node, given) =>
      isOp(node, 'call') && node.attrs.definition === (cachedAttentionCall as CallDefinition)
        ? call(node.attrs.definition, given, { ...node.attrs.attributes, softCap: 0.5 })
        : undefined,
    )
    const inputs = inputsOf(withRoots(program, roots), sizes)
    expect(planPacked(inputs.program, () => 1)).toBeUndefined()
    const got = await results(backend, inputs, sizes)
    const want = await results(reference({ precision: 'f64' }), inputs, sizes)
    for (const [i, { logits }] of want.outputs.entries())
      for (const [at, value] of [...(logits?.data ?? [])].entries())
        expect(Math.abs((got.outputs[i]?.logits?.data[at] as number) - value)).toBeLessThan(2e-5)
  })

  it('run the bodies of calls that only have the names of those they know', async () => {
    const sizes = { batch: 1, slots: 9, window: null }
    const program = decoder(sizes)
    const halves = new Map(
      [siluCall, geluCall, ropeCall].map((known) => {
        const definition = known as CallDefinition
        const body: CallDefinition['body'] = (given, attributes) =>
          definition.body(given, attributes).map((y) => mul(y, 0.5))
        return [definition, { name: definition.name, body }] as const
      }),
    )
    const roots = rebuild(programRoots(program), (node, given) => {
      const half = isOp(node, 'call') ? halves.get(node.attrs.definition) : undefined
      return half === undefined ? undefined : call(half, given, (node.attrs as OpAttrs['call']).attributes)
    })
    const inputs = inputsOf(withRoots(program, roots), sizes)
    expect(planPacked(inputs.program, () => 1)).toBeDefined()
    const got = await results(backend, inputs, sizes)
    const want = await results(reference({ precision: 'f64' }), inputs, sizes)
    for (const [i, { logits }] of want.outputs.entries())
      for (const [at, value] of (logits?.data ?? []).entries())
        expect(Math.abs((got.outputs[i]?.logits?.data[at] as number) - value)).toBeLessThan(2e-5)
  })

  it('are not made of programs with many rows', () => {
    expect(planPacked(decoder({ batch: 5, slots: 9, window: null }), () => 1)).toBeUndefined()
  })

  it.each([
    ['a token outside the vocabulary', { input_ids: hostTensor('i32', [1, 1], [WORDS]) }, 'gatherRows'],
    ['a full cache', { filled: hostTensor('i32', [], [9]) }, 'cachedAttention'],
  ])('refuse %s, and run on', async (_, wrong, op) => {
    const sizes = { batch: 1, slots: 9, window: null }
    const { program, weights, state } = inputsOf(decoder(sizes), sizes)
    const executable = await backend.compile(program, { weights: await backend.loadWeights(weights) })
    const set = await backend.createState(state)
    const before = (await set.read(['keys'])).get('keys')?.data
    await expect(executable.run({ feeds: { ...feedsOf(sizes, 1), ...wrong }, state: [{ set }] })).rejects.toMatchObject(
      {
        code: 'shape.mismatch',
        details: { op },
      },
    )
    expect((await set.read(['keys'])).get('keys')?.data).toEqual(before)
    await executable.run({ feeds: feedsOf(sizes, 1), state: [{ set }] })
  })

  it('go with the weights that they read', async () => {
    const sizes = { batch: 1, slots: 9, window: null }
    const inputs = inputsOf(decoder(sizes), sizes)
    const first = await backend.loadWeights(inputs.weights)
    await backend.compile(inputs.program, { weights: first })
    first.release()
    const { outputs } = await results(backend, inputs, sizes)
    expect(outputs).toHaveLength(4)
  })
})

describe('kernels.wasm', () => {
  it('is what kernels/packed.ts compiles to', async () => {
    const committed = await readFile(new URL('./kernels.wasm', import.meta.url))
    expect(Buffer.from(await compileKernels()).equals(committed)).toBe(true)
  }, 60_000)
})
