/** What is planned of ONNX Runtime's arena is what the runtime counts in it while it runs. */
import { mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { add, feed, hostTensor, matmul, type Program, reduceSum, type Tensor, tanh } from '@espalier/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { onnx } from '../index.js'
import type { OnnxNode } from '../model/onnx-model.js'
import { arenaBytes, arenaRequest } from './arena.js'
import { emitProgram } from './emit-program.js'

const MEGABYTE = 2 ** 20

let folder: string
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'espalier-arena-')))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const node = (output: string, inputs: readonly string[], op = 'Add'): OnnxNode => {
  return { op, domain: '', inputs, outputs: [output], attributes: {}, name: output }
}

/** In each of two parts as many values of one shape as there are, all alive at once; those of the second part have another shape. */
function twoParts(count: number): Program {
  const part = (x: Tensor) => {
    const values = [x]
    for (let i = 1; i < count; i++) values.push(tanh(values[i - 1] as Tensor))
    return reduceSum(values.reduceRight((sum, value) => add(sum, value)))
  }
  const first = part(matmul(feed('a', 'f32', [512, 8]), feed('b', 'f32', [8, 1024])))
  const second = part(add(matmul(feed('c', 'f32', [1024, 8]), feed('d', 'f32', [8, 512])), first))
  return { name: 'parts', outputs: { first, second }, updates: {} }
}

interface Counted {
  /** Most bytes that values were given. */
  readonly given: number
  /** Bytes in regions. */
  readonly held: number
}

/** What the runtime's profile of two runs says of the arena. */
async function counted(program: Program): Promise<Counted> {
  const backend = onnx({ threads: 1, profileFolder: folder })
  const executable = await backend.compile(program)
  const feeds = Object.fromEntries(
    Object.entries({ a: [512, 8], b: [8, 1024], c: [1024, 8], d: [8, 512] }).map(([name, shape]) => [
      name,
      hostTensor('f32', shape, new Array((shape[0] as number) * (shape[1] as number)).fill(0.5)),
    ]),
  )
  await executable.run({ feeds })
  await executable.run({ feeds })
  executable.release()
  await backend.close()
  const [file] = (await readdir(folder)).filter((name) => name.startsWith(program.name))
  const events = JSON.parse(await readFile(join(folder, file as string), 'utf8')) as {
    readonly name: string
    readonly args: Readonly<Record<string, string>>
  }[]
  const most = (key: string) =>
    Math.max(
      ...events
        .filter(({ name }) => name.endsWith('_kernel_time') && !name.startsWith('room'))
        .map(({ args }) => Number(args[key])),
    )
  return { given: most('mem_bytes_in_use'), held: most('mem_arena_held') }
}

describe('a program in the arena', () => {
  it('takes as much as the runtime counts, however many shapes it has, in one region', async () => {
    const program = twoParts(8)
    const { plan } = emitProgram(program, () => ({ kind: 'buffer', id: 0 }))
    expect(plan.peakBytes).toBeLessThan(11 * 2 * MEGABYTE) // not 8 of each shape
    const { given, held } = await counted(program)
    expect(Math.abs(given / plan.peakBytes - 1)).toBeLessThan(0.02)
    expect(Math.floor(held / MEGABYTE)).toBe(33) // the first region, and one
  })
})

describe('arenaBytes', () => {
  it('counts values from their nodes to their last uses', () => {
    const nodes = [node('a', []), node('b', ['a']), node('c', ['b']), node('d', ['c'])]
    const bytes = new Map(['a', 'b', 'c', 'd'].map((name) => [name, MEGABYTE]))
    expect(arenaBytes({ nodes, outputs: ['d'], bytes })).toBe(2 * MEGABYTE)
  })

  it('keeps results, and the value that a view shows', () => {
    const nodes = [node('a', []), node('v', ['a'], 'Reshape'), node('b', []), node('c', ['v'])]
    const bytes = new Map(['a', 'b', 'c'].map((name) => [name, MEGABYTE]))
    expect(arenaBytes({ nodes, outputs: ['b', 'c'], bytes })).toBe(3 * MEGABYTE)
  })

  it('gives a value a free place whole that is not twice as large', () => {
    const nodes = [node('a', []), node('b', []), node('c', ['a']), node('d', []), node('e', ['b', 'c', 'd'])]
    const sizes = { a: 3, b: 1, c: 4, d: 2, e: 1 }
    const bytes = new Map(Object.entries(sizes).map(([name, size]) => [name, size * MEGABYTE]))
    // a, b, c; d in the place of a, whose rest e does not get.
    expect(arenaBytes({ nodes, outputs: [], bytes })).toBe(9 * MEGABYTE)
  })
})

describe('arenaRequest', () => {
  it('makes a region that holds what is written', () => {
    expect(arenaRequest(MEGABYTE)).toBe(0)
    expect(arenaRequest(10 * MEGABYTE)).toBe(8 * MEGABYTE + 256)
    expect(arenaRequest(15.9 * MEGABYTE)).toBe(16 * MEGABYTE + 256)
  })
})
