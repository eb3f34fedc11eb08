/** Plans are made and judged without a GPU: what is dispatched, what shares memory, what waits for the end of a run. */
import {
  add,
  constantTensor,
  feed,
  gelu,
  hostTensor,
  input,
  matmul,
  mul,
  type Program,
  permute,
  reduceSum,
  reshape,
  sub,
  type Tensor,
} from '@espalier/core'
import { randomGraph, trainingStep } from '@espalier/testkit'
import { describe, expect, it } from 'vitest'
import { type Dispatch, ERRORS, type Plan, printPlan } from './plan.js'
import { planProgram } from './plan-program.js'

const x = feed('x', 'f32', [4, 6])

function planOf(outputs: Readonly<Record<string, Tensor>>, updates: Program['updates'] = {}): Plan {
  return planProgram({ name: 'small', outputs, updates })
}

/** What a dispatch reads and what it writes, by its shader. */
function access({ kernel, bindings }: Dispatch): { reads: number[]; writes: number[] } {
  const modes = [...kernel.source.matchAll(/var<storage, (read|read_write)> (\w+)/g)].map(([, mode]) => mode)
  const of = (mode: string) => bindings.filter((value, i) => value !== ERRORS && modes[i] === mode)
  return { reads: of('read'), writes: of('read_write') }
}

/** Follows the memory through all steps: whatever is read must still be there. */
function faultsOf(plan: Plan): string[] {
  const inSlot = new Map<number, number>()
  const faults: string[] = []
  const slotOf = (value: number) => {
    const place = plan.values[value]?.place
    return place?.in === 'slot' ? place.slot : undefined
  }
  const put = (value: number) => {
    const slot = slotOf(value)
    if (slot !== undefined) inSlot.set(slot, value)
  }
  const get = (value: number, reader: string) => {
    const slot = slotOf(value)
    if (slot !== undefined && inSlot.get(slot) !== value) faults.push(`${reader} reads %${value}, which is gone`)
  }
  for (const { value } of plan.feeds) put(value)
  for (const dispatch of [...plan.steps, ...plan.commits]) {
    const { reads, writes } = access(dispatch)
    for (const value of reads) get(value, dispatch.label)
    const read = new Set(reads.map(slotOf))
    for (const value of writes) {
      const slot = slotOf(value)
      if (slot !== undefined && read.has(slot)) faults.push(`${dispatch.label} writes what it reads`)
      put(value)
    }
    if (plan.steps.at(-1) === dispatch) for (const { name, value } of plan.outputs) get(value, `output ${name}`)
  }
  return faults
}

describe('a plan', () => {
  it('is one dispatch for a chain of element-wise work, and one for what it goes into', () => {
    const { steps } = planOf({ y: matmul(gelu(add(mul(x, 2), x)), x, { transposeB: true }) })
    expect(steps.map(({ kernel }) => kernel.name)).toEqual(['fused', 'matmul'])
  })

  it('moves nothing for a reshape, and reads four words at once where sizes allow', () => {
    const y = reshape(feed('y', 'f32', [2, 32]), [8, 8])
    const { steps } = planOf({ y: matmul(y, y, { transposeB: true }) })
    expect(steps.map(({ kernel }) => kernel.name)).toEqual(['matmul.rows'])
  })

  it('computes what is the same in every run once, and keeps it', () => {
    const table = constantTensor(hostTensor('f32', [6], [1, 2, 3, 4, 5, 6]))
    const { once, steps, keptBytes } = planOf({ y: add(x, gelu(table)) })
    expect(once).toHaveLength(1)
    expect(steps).toHaveLength(1)
    expect(keptBytes).toBe(2 * 6 * 4)
  })

  it('writes state after everything that reads it, and reads a state of two slots that change places first', () => {
    const [a, b] = [input('state', 'a', 'f32', [4]), input('state', 'b', 'f32', [4])]
    const plan = planOf({ sum: add(a, b) }, { a: b, b: a })
    expect(plan.commits.map(({ label }) => label)).toEqual(['a =', 'b ='])
    for (const commit of plan.commits)
      for (const value of access(commit).reads) expect(plan.values[value]?.place.in).toBe('slot')
    expect(faultsOf(plan)).toEqual([])
  })

  it('spreads more workgroups than an axis takes over two', () => {
    const size = 65_536 * 64
    const [{ groups } = { groups: [0, 0] }] = planOf({ y: gelu(feed('x', 'f32', [size])) }).steps
    expect(groups[1]).toBe(2)
    expect(groups[0] * groups[1] * 64).toBeGreaterThanOrEqual(size)
    expect(groups[0]).toBeLessThanOrEqual(65_535)
  })

  it('has one shader for work of one kind, whatever its sizes and numbers', () => {
    const sources = [
      planOf({ y: mul(x, 2) }),
      planOf({ y: mul(feed('x', 'f32', [100]), 3) }),
      planOf({ y: mul(feed('x', 'f32', [2, 2, 9]), -1) }),
    ].map(({ steps }) => steps[0]?.kernel.source)
    expect(new Set(sources).size).toBe(1)
  })

  it('reads weights as they lie: in 16 bits where they were stored so', () => {
    const program = { name: 'half', outputs: { y: matmul(x, input('weight', 'w', 'f32', [6, 3])) } }
    const stored = (dtype: 'f32' | 'bf16') =>
      planProgram(program, () => dtype).values.find(({ place }) => place.in === 'weight')
    expect(stored('bf16')).toMatchObject({ stored: 'bf16', bytes: 36 })
    expect(stored('f32')).toMatchObject({ stored: 'f32', bytes: 72 })
  })

  it('refuses f64, with what to do instead', () => {
    expect(() => planOf({ y: reduceSum(feed('x', 'f64', [2])) })).toThrow(
      expect.objectContaining({ code: 'backend.unsupported', details: { backend: 'webgpu', dtype: 'f64' } }),
    )
  })

  it('prints its memory, and every dispatch with what it reads and writes', () => {
    const text = printPlan(planOf({ y: sub(permute(x, [1, 0]), feed('b', 'f32', [4])) }))
    expect(text).toBe(`small: 2 dispatches, 0 once, 0 commits, 2 shaders
3 slots of 208 bytes, kept 0 bytes
  0 strided 1x1 permute: %1 f32[24] slot 1 0..1, %0 f32[24] slot 0 -1..0
  1 binary 1x1 sub: %3 f32[24] slot 0 1..2, %1 f32[24] slot 1 0..1, %2 f32[4] slot 2 -1..1
`)
  })
})

describe('no value loses its memory while it is needed', () => {
  it('in a training step', () => {
    const plan = planProgram(trainingStep())
    expect(plan.commits).toHaveLength(2)
    expect(faultsOf(plan)).toEqual([])
  })

  it.each(Array.from({ length: 20 }, (_, i) => i + 1))('in a random graph (seed %i)', (seed) => {
    const { roots } = randomGraph(seed, 60)
    const plan = planOf(Object.fromEntries(roots.map((root, i) => [`y${i}`, root])))
    expect(faultsOf(plan)).toEqual([])
  })

  it('and the test sees it where one does', () => {
    const plan = planProgram(trainingStep())
    const values = plan.values.map((value) =>
      value.place.in === 'slot' ? { ...value, place: { in: 'slot' as const, slot: 0 } } : value,
    )
    expect(faultsOf({ ...plan, values })).not.toEqual([])
  })
})
