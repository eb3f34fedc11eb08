import { EXACT, expectClose, randomGraph } from '@espalier/testkit'
import { describe, expect, it } from 'vitest'
import { reference } from '../backend/reference.js'
import type { HostTensor } from '../dtype.js'
import { barrier } from '../graph/ops/barrier.js'
import { add, mul } from '../graph/ops/binary.js'
import { broadcast } from '../graph/ops/broadcast.js'
import { feed } from '../graph/ops/input.js'
import { reduceSum } from '../graph/ops/reduce.js'
import { cos, exp, sin } from '../graph/ops/unary.js'
import { withInputs } from '../graph/rebuild.js'
import { type Tensor, topologicalOrder } from '../graph/tensor.js'
import { type ElementwiseFusion, type ElementwiseLimits, elementwiseFusions } from './elementwise-fusions.js'

const x = feed('x', 'f32', [2, 3])
const y = feed('y', 'f32', [2, 3])
const row = feed('row', 'f32', [3])

const kernels = (roots: readonly Tensor[], limits?: ElementwiseLimits) =>
  [...elementwiseFusions(roots, limits).fusions.values()].map(({ nodes }) => nodes.map(({ op }) => op))

/** The kernel as a program of its own, which is fed what the fusion says that it reads. */
function alone({ nodes, inputs, result }: ElementwiseFusion): { readonly program: Tensor; readonly reads: Tensor[] } {
  const own = new Map<Tensor, Tensor>(inputs.map((one, i) => [one, feed(`${i}`, one.dtype, one.shape)]))
  for (const node of nodes) {
    const given = node.inputs.map((one) => own.get(one) ?? one)
    own.set(node.outputs[0] as Tensor, withInputs(node, given).outputs[0] as Tensor)
  }
  const program = own.get(result) as Tensor
  return { program, reads: topologicalOrder([program]).flatMap(({ op, outputs }) => (op === 'input' ? outputs : [])) }
}

async function valuesOf(tensors: readonly Tensor[], feeds: Readonly<Record<string, HostTensor>>) {
  const outputs = Object.fromEntries(tensors.map((one, i) => [String(i), one]))
  const executable = await reference().compile({ name: 'values', outputs })
  const values = await executable.run({ feeds })
  return new Map(tensors.map((one, i) => [one, values[String(i)] as HostTensor]))
}

describe('elementwiseFusions', () => {
  it('puts a chain into one kernel, with what it broadcasts', () => {
    const chain = exp(add(mul(sin(x), 2), broadcast(row, [2, 3])))
    const { fusions, absorbed } = elementwiseFusions([chain])
    const [fusion] = fusions.values()
    expect(fusion?.nodes.map(({ op }) => op)).toEqual(['unary', 'binary', 'broadcast', 'binary', 'unary'])
    expect(new Set(fusion?.inputs)).toEqual(new Set([x, row]))
    expect(fusion?.result).toBe(chain)
    expect(absorbed.size).toBe(4)
  })

  it('joins branches that meet again', () => {
    const s = sin(x)
    expect(kernels([mul(exp(s), cos(s))])).toEqual([['unary', 'unary', 'unary', 'binary']])
  })

  it.each<[string, readonly Tensor[], string[][]]>([
    ['what is a result too', [sin(exp(x)), exp(x)].map((one, i, all) => (i === 0 ? sin(all[1] as Tensor) : one)), []],
    [
      'what two kernels read',
      (() => {
        const shared = sin(x)
        return [exp(shared), cos(shared)]
      })(),
      [],
    ],
    ['another shape', [add(sin(row), x)], []],
    ['what a reduction reads', [add(reduceSum(sin(x), { axes: [0], keepDims: true }), x)], []],
    ['what lies behind a barrier', [exp(barrier([sin(x)], [y])[0] as Tensor)], []],
  ])('leaves apart %s', (_, roots, want) => {
    expect(kernels(roots)).toEqual(want)
  })

  it('reads no more than a kernel may', () => {
    const many = Array.from({ length: 6 }, (_, i) => feed(`f${i}`, 'f32', [2, 3]))
    const sum = many.reduce((total, one) => add(total, one), x)
    expect(kernels([sum], { mostInputs: 3 }).map(({ length }) => length)).toEqual([2, 2, 2])
    expect(kernels([sum])).toHaveLength(1)
  })

  it('leaves what a backend does not cover', () => {
    expect(kernels([exp(add(sin(x), y))], { covers: ({ op }) => op === 'binary' })).toEqual([])
  })

  it('gives kernels that need nothing but their inputs, share no node, and compute the same', async () => {
    let fused = 0
    for (let seed = 0; seed < 40; seed++) {
      const { roots, feeds } = randomGraph(seed, 60)
      const { fusions, absorbed } = elementwiseFusions(roots, { mostInputs: 3 })
      const found = [...fusions.values()]
      const nodes = found.flatMap((fusion) => fusion.nodes)
      fused += nodes.length
      expect(new Set(nodes).size).toBe(nodes.length)
      expect(absorbed.size).toBe(nodes.length - found.length)
      const wanted = [...new Set(found.flatMap(({ inputs, result }) => [...inputs, result]))]
      if (wanted.length === 0) continue
      const reads = new Set(
        topologicalOrder(wanted).flatMap(({ op, attrs }) => (op === 'input' ? [(attrs as { name: string }).name] : [])),
      )
      const values = await valuesOf(
        wanted,
        Object.fromEntries(Object.entries(feeds).filter(([name]) => reads.has(name))),
      )
      for (const fusion of found) {
        expect(fusion.inputs.length).toBeLessThanOrEqual(3)
        for (const node of fusion.nodes) expect(node.outputs[0]?.shape).toEqual(fusion.result.shape)
        const { program, reads: slots } = alone(fusion)
        const names = slots.map(({ node }) => (node.attrs as { name: string }).name)
        const given = names.map((name) => [name, values.get(fusion.inputs[Number(name)] as Tensor) as HostTensor])
        const got = (await valuesOf([program], Object.fromEntries(given))).get(program)
        expectClose(got, values.get(fusion.result) as HostTensor, EXACT, `seed ${seed}`)
      }
    }
    expect(fused).toBeGreaterThan(200)
  })
})
