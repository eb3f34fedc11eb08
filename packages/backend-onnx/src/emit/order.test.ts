/** The runtime runs nodes in the order that was planned: asserted from its own profile. */
import { mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  add,
  barrier,
  concat,
  dequantize,
  dequantizeFourBit,
  feed,
  gradients,
  hostTensor,
  input,
  matmul,
  memorySource,
  mul,
  type ParameterSource,
  type Program,
  programRoots,
  reduceSum,
  rematerialize,
  sigmoid,
  type Tensor,
  tanh,
  type WeightRequest,
  withRoots,
} from '@espalier/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { onnx } from '../index.js'
import { emitProgram, type WeightPlace } from './emit-program.js'
import { fourBitTables } from './four-bit.js'
import { numbered, runtimeOrder } from './schedule.js'

const LAYERS = 6
const SIZE = 64
const ROWS = 8200 // of 64 floats: just above the size at which running ahead is worth it

let folder: string
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'espalier-order-')))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const plain = (layer: number): Tensor => input('weight', `w${layer}`, 'f32', [SIZE, SIZE])
const coded = (layer: number): Tensor =>
  dequantize(
    input('weight', `w${layer}`, 'i8', [SIZE, SIZE]),
    input('weight', `scales${layer}`, 'f32', [SIZE, 1]),
    SIZE,
  )
const inFourBits = (layer: number): Tensor =>
  dequantizeFourBit(
    input('weight', `w${layer}`, 'u8', [(SIZE * SIZE) / 2, 1]),
    input('weight', `scales${layer}`, 'f32', [(SIZE * SIZE) / 64]),
    { values: fourBitTables[1] as readonly number[], blockSize: 64, shape: [SIZE, SIZE] },
  )

/** A deep stack of layers with these weights and the gradients of what it is fed to train, each added to a state or all to one. */
function stackProgram({ rows = ROWS, joined = false, weight = plain } = {}): Program {
  const scales = Array.from({ length: LAYERS }, (_, i) => input('state', `scale${i}`, 'f32', [SIZE]))
  let x: Tensor = feed('x', 'f32', [rows, SIZE])
  scales.forEach((scale, i) => {
    const y = matmul(mul(x, scale), weight(i), { transposeB: true })
    x = add(x, mul(sigmoid(y), tanh(y)))
  })
  const found = gradients(reduceSum(mul(x, x)), scales)
  const updates = joined
    ? { sum: add(input('state', 'sum', 'f32', [LAYERS * SIZE]), concat(found, 0)) }
    : Object.fromEntries(scales.map((scale, i) => [`scale${i}`, add(scale, found[i] as Tensor)]))
  return { name: 'stack', outputs: { loss: reduceSum(x) }, updates }
}

/** The stack over codes, decoded again for the backward. */
function decodedAgain(weight = coded): Program {
  const program = stackProgram({ rows: 2, weight })
  return { ...withRoots(program, rematerialize(programRoots(program))), name: 'again' }
}

const place: WeightPlace = { kind: 'file', location: 'w', offset: 0, byteLength: SIZE * SIZE * 2, type: 'bf16' }

describe('emitProgram', () => {
  it('takes gradients that are laid side by side as the backward comes to them', () => {
    const { order } = emitProgram(stackProgram({ rows: 1000, joined: true }), () => place)
    const last = order.map((name) => name.startsWith('matmul')).lastIndexOf(true) // of the first layer's backward
    expect(order.slice(last).filter((name) => name.startsWith('reduce'))).toHaveLength(1)
  })

  it('widens each weight right before each of its uses, forward and backward', () => {
    const { order } = emitProgram(stackProgram(), () => place)
    const casts = order.flatMap((name, i) =>
      name.startsWith('matmul') && order[i - 1]?.startsWith('matmul') ? [i] : [],
    )
    expect(casts.length).toBeGreaterThanOrEqual(2 * LAYERS - 1)
  })

  it('runs the gradients of a layer before those of the layers below', () => {
    const { plan, order } = emitProgram(stackProgram(), () => place)
    expect(plan.updates).toHaveLength(LAYERS)
    expect(plan.peakBytes).toBeLessThan(LAYERS * 6 * ROWS * SIZE * 4)
    expect(order.length).toBe(plan.nodeCount)
  })
})

describe('rematerialised weights', () => {
  it.each([
    ['8 bits', 'cast', coded],
    ['4 bits', 'dequantizeFourBit', inFourBits],
  ])('of %s are decoded right before each of their uses, and take the memory of one', (_, decoding, weight) => {
    const place: WeightPlace = { kind: 'buffer', id: 0 }
    const [kept, program] = [stackProgram({ rows: 2, weight }), decodedAgain(weight)]
    const { plan, order } = emitProgram(program, () => place)
    const matrix = SIZE * SIZE * 4
    expect(emitProgram(kept, () => place).plan.peakBytes).toBeGreaterThan(LAYERS * matrix)
    expect(plan.peakBytes).toBeLessThan(3 * matrix)
    const steps = order.flatMap((name) => name.split('#')[0] ?? []).filter((op) => op === decoding || op === 'matmul')
    const turns = steps.filter((op, i) => op !== steps[i - 1]) // a decoding may be several nodes
    expect(turns).toEqual(Array.from({ length: 2 * LAYERS - 1 }, () => [decoding, 'matmul']).flat())
  })
})

describe('the order of running', () => {
  it('is the planned one of rematerialised weights too', async () => {
    const backend = onnx({ threads: 1, profileFolder: folder })
    const held = new Map(
      Array.from({ length: LAYERS }, (_, i): [string, WeightRequest][] => [
        [`w${i}`, { source: memorySource(hostTensor('i8', [SIZE, SIZE])), dtype: 'i8' }],
        [`scales${i}`, { source: memorySource(hostTensor('f32', [SIZE, 1])), dtype: 'f32' }],
      ]).flat(),
    )
    const weights = await backend.loadWeights(held)
    const state = await backend.createState(
      new Map(Array.from({ length: LAYERS }, (_, i) => [`scale${i}`, hostTensor('f32', [SIZE])])),
    )
    const program = decodedAgain()
    const executable = await backend.compile(program, { weights })
    await executable.run({ feeds: { x: hostTensor('f32', [2, SIZE]) }, state: [{ set: state }] })
    executable.release()
    await backend.close()
    expect(await profiledOrder('again')).toEqual(emitProgram(program, () => ({ kind: 'buffer', id: 0 })).order)
  })

  it('is the planned one in the profile of the runtime', async () => {
    const file = join(folder, 'w')
    await writeFile(file, new Uint8Array(SIZE * SIZE * 2))
    const source = (): ParameterSource => ({
      dtype: 'bf16',
      shape: [SIZE, SIZE],
      file: { path: file, offset: 0, byteLength: SIZE * SIZE * 2 },
      read: () => Promise.reject(new Error('not mapped')),
    })
    const backend = onnx({ threads: 1, weightCache: false, profileFolder: folder })
    const weights = await backend.loadWeights(
      new Map(Array.from({ length: LAYERS }, (_, i) => [`w${i}`, { source: source(), dtype: 'f32' as const }])),
    )
    const state = await backend.createState(
      new Map(Array.from({ length: LAYERS }, (_, i) => [`scale${i}`, hostTensor('f32', [SIZE])])),
    )
    const program = stackProgram()
    const executable = await backend.compile(program, { weights })
    await executable.run({ feeds: { x: hostTensor('f32', [ROWS, SIZE]) }, state: [{ set: state }] })
    executable.release()
    await backend.close()
    const { order } = emitProgram(program, () => place)
    expect(await profiledOrder('stack')).toEqual(order)
  })

  it('puts what follows a barrier after what it waits for', async () => {
    const x = feed('x', 'f32', [4])
    const late = tanh(x)
    const [gated] = barrier([x], [late])
    const program: Program = { name: 'gated', outputs: { first: sigmoid(gated as Tensor), second: late } }
    const backend = onnx({ threads: 1, profileFolder: folder })
    const executable = await backend.compile(program)
    await executable.run({ feeds: { x: hostTensor('f32', [4]) } })
    executable.release()
    await backend.close()
    const order = (await profiledOrder('gated')).map((name) => name.split('#')[0])
    expect(order.indexOf('unary.tanh')).toBeLessThan(order.indexOf('unary.sigmoid'))
  })
})

describe('runtimeOrder', () => {
  it('gives back an order that was numbered, unless a node comes before its turn', () => {
    const node = (name: string, inputs: readonly string[]) => ({
      op: 'X',
      domain: '',
      inputs,
      outputs: [name],
      attributes: {},
      name,
    })
    const nodes = [node('a', []), node('b', ['a']), node('c', ['a']), node('d', ['b', 'c'])]
    expect(runtimeOrder(numbered(nodes)).map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd'])
    const early = [node('z', []), node('a', []), node('b', ['a']), node('c', ['b', 'z'])]
    expect(runtimeOrder(numbered(early)).map(({ name }) => name)).toEqual(['z', 'a', 'b', 'c'])
    const unreachable = [node('a', []), node('z', []), node('b', ['a']), node('c', ['b', 'z'])]
    expect(runtimeOrder(numbered(unreachable)).map(({ name }) => name)).toEqual(['z', 'a', 'b', 'c'])
  })
})

interface ProfileEvent {
  readonly cat?: string
  readonly name: string
  readonly ts: number
}

async function profiledOrder(program: string): Promise<string[]> {
  const [file] = (await readdir(folder)).filter((name) => name.startsWith(program) && name.endsWith('.json'))
  const events = JSON.parse(await readFile(join(folder, file as string), 'utf8')) as ProfileEvent[]
  return events
    .filter(({ cat, name }) => cat === 'Node' && name.endsWith('_kernel_time'))
    .sort((a, b) => a.ts - b.ts)
    .map(({ name }) => name.slice(0, -'_kernel_time'.length))
}
