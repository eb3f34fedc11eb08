import { type FileTensor, type HostTensor, hostTensor, Random, type Shape } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { withFusedTensors } from './fused-tensors.js'

const EXPERTS = 3
const layer = 'model.layers.1'

/** A file's tensors of both factors for each name, (rank, in) and (out, rank). */
function fileOf(holder: string, sizes: Readonly<Record<string, readonly [inSize: number, outSize: number]>>, rank = 2) {
  const random = new Random(5)
  const tensors = new Map<string, HostTensor>()
  const add = (path: string, [inSize, outSize]: readonly [number, number]) => {
    for (const [factor, shape] of [
      ['lora_A', [rank, inSize]],
      ['lora_B', [outSize, rank]],
    ] as const) {
      const key = `${layer}.${holder}.${path}.${factor}.weight`
      tensors.set(key, hostTensor('f32', shape, random.at(key).normal(shape[0] * shape[1], 1)))
    }
  }
  for (const [name, size] of Object.entries(sizes))
    if (name === 'gate') add(name, size)
    else for (let expert = 0; expert < EXPERTS; expert++) add(`experts.${expert}.${name}`, size)
  return tensors
}

const unread = (tensors: ReadonlyMap<string, HostTensor>): ReadonlyMap<string, FileTensor> =>
  new Map([...tensors].map(([key, tensor]) => [key, { shape: tensor.shape, read: async () => tensor }]))

/** B A of matrices, (out, in). */
function product(B: number[][], A: number[][]): number[][] {
  return B.map((row) => (A[0] ?? []).map((_, i) => row.reduce((sum, b, k) => sum + b * (A[k]?.[i] as number), 0)))
}

function rowsOf(tensor: HostTensor | undefined): number[][] {
  const [rows = 0, columns = 0] = tensor?.shape ?? []
  const data = Array.from(tensor?.data ?? [], Number)
  return Array.from({ length: rows }, (_, row) => data.slice(row * columns, (row + 1) * columns))
}

/** The update of one expert by PEFT's layout of parameters: A (experts r, in), B (out, r experts), of which experts follow each other. */
async function updateOf(found: ReadonlyMap<string, FileTensor>, key: string, expert: number): Promise<number[][]> {
  const A = rowsOf(await found.get(`${key}.lora_A.weight`)?.read())
  const B = rowsOf(await found.get(`${key}.lora_B.weight`)?.read())
  const rank = A.length / EXPERTS
  return product(
    B.map((row) => row.filter((_, i) => i % EXPERTS === expert)),
    A.slice(expert * rank, (expert + 1) * rank),
  )
}

const close = (rows: number[][]) => rows.map((row) => row.map((x) => expect.closeTo(x, 5)))

describe('withFusedTensors', () => {
  it.each([
    ['mixtral', 'block_sparse_moe', ['w1', 'w3'], 'w2'],
    ['qwen3_moe', 'mlp', ['gate_proj', 'up_proj'], 'down_proj'],
  ] as const)('makes the same updates of parameters in %s', async (modelType, holder, together, down) => {
    const wide = Object.fromEntries(together.map((name) => [name, [4, 6] as const]))
    const file = fileOf(holder, { ...wide, [down]: [6, 4], gate: [4, EXPERTS] })
    const other = 'model.layers.1.self_attn.q_proj.lora_A.weight'
    const tensors = unread(file.set(other, hostTensor('f32', [2, 4])))
    const found = withFusedTensors(tensors, modelType)
    expect([...found.keys()].sort()).toEqual(
      [
        other,
        ...['mlp.experts', 'mlp.experts.base_layer', 'mlp.gate'].flatMap((path) =>
          ['A', 'B'].map((factor) => `${layer}.${path}.lora_${factor}.weight`),
        ),
      ].sort(),
    )
    const older = (path: string) => {
      const of = (factor: string) => rowsOf(file.get(`${layer}.${holder}.${path}.${factor}.weight`))
      return product(of('lora_B'), of('lora_A'))
    }
    for (let expert = 0; expert < EXPERTS; expert++) {
      const both = together.flatMap((name) => older(`experts.${expert}.${name}`))
      expect(await updateOf(found, `${layer}.mlp.experts.base_layer`, expert)).toEqual(close(both))
      const own = older(`experts.${expert}.${down}`)
      expect(await updateOf(found, `${layer}.mlp.experts`, expert)).toEqual(close(own))
    }
    for (const [key, { shape, read }] of [...found].map(([key, tensor]) => [key, tensor] as const))
      expect([key, (await read()).shape]).toEqual([key, shape])
  })

  it('has nothing behind a parameter that is the only one', () => {
    const found = withFusedTensors(unread(fileOf('block_sparse_moe', { w1: [4, 6], w3: [4, 6] })), 'mixtral')
    expect([...found.keys()].sort()).toEqual(['A', 'B'].map((factor) => `${layer}.mlp.experts.lora_${factor}.weight`))
  })

  it('leaves files of other models and of today as they are', () => {
    const today = unread(new Map([[`${layer}.mlp.experts.lora_A.weight`, hostTensor('f32', [6, 4])]]))
    expect(withFusedTensors(today, 'mixtral')).toEqual(today)
    const tensors = unread(fileOf('mlp', { gate_proj: [4, 6], up_proj: [4, 6] }))
    expect(withFusedTensors(tensors, 'llama')).toBe(tensors)
  })

  it.each([
    ['lack a layer', (file: Map<string, HostTensor>, key: string) => file.delete(key)],
    [
      'say more experts than can be',
      (file, key) => file.set(key.replace('.0.', '.999999999999.'), hostTensor('f32', [2, 4])),
    ],
    ['differ in rank', (file, key) => file.set(key, hostTensor('f32', [3, 4] as Shape))],
  ] as const satisfies readonly (readonly [string, (file: Map<string, HostTensor>, key: string) => unknown])[])(
    'refuses experts that %s',
    (_, change) => {
      const file = fileOf('block_sparse_moe', { w1: [4, 6], w3: [4, 6] })
      change(file, `${layer}.block_sparse_moe.experts.0.w3.lora_A.weight`)
      expect(() => withFusedTensors(unread(file), 'mixtral')).toThrow(
        expect.objectContaining({
          code: 'adapter.tensors',
          details: expect.objectContaining({ module: `${layer}.mlp.experts` }),
        }),
      )
    },
  )
})
