import {
  abs,
  add,
  cast,
  constant,
  div,
  hostTensor,
  max,
  mul,
  Random,
  reduceMax,
  reference,
  reshape,
  round,
  sizeOf,
  sub,
} from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { joinStates, splitStates, stateSlots, stateSpecs } from '../optimizer-states.js'
import { parameterGroups } from '../parameter-groups.js'
import { applyProgram, gradientSlot, initialOptimizerState } from '../programs.js'
import { adamw } from './adamw.js'
import { packedStates, type StatePacking } from './packed-states.js'

/** Whole numbers 0 to 254 around 127, with a scale for each four values. */
const byFours: StatePacking = {
  blockSize: 4,
  pack(values) {
    const blocks = reshape(values, [-1, 4])
    const scales = max(reduceMax(abs(blocks), { axes: [1], keepDims: true }), constant(1e-20))
    const codes = cast(add(round(mul(div(blocks, scales), 127)), 127), 'u8')
    return { codes: reshape(codes, [-1]), scales: reshape(scales, [-1]) }
  },
  unpack(codes, scales) {
    const parts = mul(sub(cast(codes, 'f32'), 127), 1 / 127)
    return reshape(mul(reshape(parts, [-1, 4]), reshape(scales, [-1, 1])), [-1])
  },
}

const optimizer = packedStates(adamw(), { packing: byFours, unsigned: ['exp_avg_sq'], leastSize: 8 })
const shapes = { a: [2, 4], small: [3], b: [3, 4], odd: [9, 1], table: [2, 8] } as const
const trained = new Map(Object.entries(shapes).map(([slot, shape]) => [slot, { dtype: 'f32' as const, shape }]))
const weightDecay = () => 0
const isEmbedding = (slot: string) => slot === 'table'

describe('packedStates', () => {
  const groups = parameterGroups(trained, { optimizer, weightDecay, isEmbedding })

  it('puts side by side what has whole blocks, and apart what is small or an embedding', () => {
    expect(groups.map(({ members }) => members.map(({ slot }) => slot))).toEqual([
      ['a', 'b'],
      ['small', 'table'],
      ['odd'],
    ])
  })

  it('keeps codes and scales of large parameters and floats of the others, each under its parameter’s name', () => {
    const specs = Object.fromEntries(
      [...stateSpecs(groups, optimizer)].map(([key, { dtype, shape }]) => [key, [dtype, ...shape]]),
    )
    expect(specs).toMatchObject({
      'exp_avg:a': ['u8', 2, 4],
      'exp_avg_absmax:a': ['f32', 2],
      'exp_avg_sq:b': ['u8', 3, 4],
      'exp_avg_sq_absmax:b': ['f32', 3],
      'exp_avg:small': ['f32', 3],
      'exp_avg:table': ['f32', 2, 8],
      'exp_avg:odd': ['u8', 9, 1],
      'exp_avg_absmax:odd': ['f32', 3],
    })
    expect(Object.keys(specs)).not.toContain('exp_avg_absmax:small')
  })

  it('gives states apart and takes them together again', () => {
    const states = new Map(
      [...initialOptimizerState(groups, optimizer)].map(([slot, { dtype, shape }], i) => {
        const values = Array.from({ length: sizeOf(shape) }, (_, j) => (i * 31 + j) % 200)
        return [slot, hostTensor(dtype, shape, values)] as const
      }),
    )
    const held = stateSlots(groups, optimizer)
    const parts = new Map(splitStates(groups, optimizer, states))
    expect([...parts.keys()]).toEqual([...stateSpecs(groups, optimizer).keys()])
    const joined = joinStates(groups, optimizer, parts)
    expect(held.length).toBeGreaterThan(4)
    for (const slot of held) expect(joined.get(slot)).toEqual(states.get(slot))
  })

  it('changes nothing in any state when a gradient is not finite', async () => {
    const backend = reference()
    const whole = parameterGroups(new Map([['a', { dtype: 'f32', shape: [2, 4] }]]), { optimizer, weightDecay })
    const start = new Map(
      [...initialOptimizerState(whole, optimizer)].map(([slot, { dtype, shape }]) => {
        const values = Array.from(new Random(1).at(slot).uniform(sizeOf(shape), 1), (x) => Math.ceil(Math.abs(x) * 100))
        return [slot, hostTensor(dtype, shape, values)] as const
      }),
    )
    const broken = hostTensor('f32', [2, 4], [1, 2, Number.NaN, 4, 5, 6, 7, 8])
    const state = await backend.createState(
      new Map([...start, ['a', hostTensor('f32', [2, 4])], [gradientSlot(whole[0]!), broken]]),
    )
    const executable = await backend.compile(applyProgram(whole, { optimizer, clips: false }))
    const scalars = { count: 1, learning_rate: 0.1, ...optimizer.scalars(1) }
    await executable.run({
      feeds: Object.fromEntries(Object.entries(scalars).map(([name, x]) => [name, hostTensor('f32', [], [x])])),
      state: [{ set: state }],
    })
    const after = await state.read(stateSlots(whole, optimizer))
    expect(after.size).toBe(4)
    for (const [slot, value] of after) expect(value).toEqual(start.get(slot))
  })
})
