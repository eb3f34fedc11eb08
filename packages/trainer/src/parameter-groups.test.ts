/** Parameters side by side: who shares a group, and that a step is the same whether they do or not. */
import { hostTensor, programRoots, Random, reference, sizeOf, topologicalOrder } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { adamw } from './optimizers/adamw.js'
import type { Optimizer } from './optimizers/optimizer.js'
import { sgd } from './optimizers/sgd.js'
import { joinedValues, parameterGroups, partsOfValues, type Trained } from './parameter-groups.js'
import { applyProgram, gradientSlot, initialOptimizerState, optimizerSlot } from './programs.js'

const shapes: Readonly<Record<string, readonly number[]>> = {
  a: [8, 6],
  b: [5, 8],
  c: [8, 6],
  bias: [6],
  d: [3, 8],
  scale: [],
}
const trained = trainedOf(shapes)
const weightDecay = (slot: string) => (slot === 'bias' || slot === 'd' ? 0 : 0.1)

function trainedOf(given: typeof shapes): Trained {
  return new Map(Object.entries(given).map(([slot, shape]) => [slot, { dtype: 'f32', shape }]))
}

function slotsOf(given: Trained, optimizer: Optimizer): string[][] {
  return parameterGroups(given, { optimizer, weightDecay }).map(({ members }) => members.map(({ slot }) => slot))
}

describe('parameterGroups', () => {
  it('puts side by side what decays alike', () => {
    expect(slotsOf(trained, adamw())).toEqual([
      ['a', 'b', 'c', 'scale'],
      ['bias', 'd'],
    ])
    const [, group] = parameterGroups(trained, { optimizer: adamw(), weightDecay })
    expect(group).toEqual({
      name: 'bias and 1 more',
      shape: [30],
      weightDecay: 0,
      ofClass: '',
      members: [
        { slot: 'bias', shape: [6], start: 0 },
        { slot: 'd', shape: [3, 8], start: 6 },
      ],
    })
  })

  it('leaves parameters alone for an optimizer that needs their shapes, and large ones for every optimizer', () => {
    expect(slotsOf(trained, { ...adamw(), elementwise: false })).toEqual(Object.keys(shapes).map((slot) => [slot]))
    const large = trainedOf({ a: [512, 512], b: [512, 513], c: [1, 512] }) // a is 1 MiB, b a little more
    expect(slotsOf(large, adamw())).toEqual([['a', 'c'], ['b']])
  })

  it('begins another group after 4 MiB', () => {
    const many = trainedOf(Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`p${i}`, [512, 512]])))
    expect(slotsOf(many, adamw()).map(({ length }) => length)).toEqual([4, 4, 2])
  })

  it('takes values there and back', () => {
    const values = valuesOf(1)
    const groups = parameterGroups(trained, { optimizer: adamw(), weightDecay })
    expect(new Map(groups.flatMap((group) => partsOfValues(group, joinedValues(group, values))))).toEqual(values)
  })
})

describe('applyProgram on groups', () => {
  it.each([adamw(), sgd({ momentum: 0.9 })])('gives the values of parameters alone, $name', async (optimizer) => {
    const [together, alone] = [await twoSteps(optimizer), await twoSteps({ ...optimizer, elementwise: false })]
    for (const [name, { shape, data }] of alone.values) {
      expect(together.values.get(name)?.shape).toEqual(shape)
      expect([...(together.values.get(name)?.data ?? [])], name).toEqual([...data])
    }
    for (const [i, norm] of alone.norms.entries()) expect(together.norms[i]).toBeCloseTo(norm, 5) // a sum in another order
  })

  it('changes nothing in any member when one has a gradient that is not finite', async () => {
    const { values, norms } = await twoSteps(adamw(), Number.NaN)
    expect(norms).toEqual([Number.NaN, Number.NaN])
    const states = [...values].filter(([name]) => name.startsWith('optimizer.'))
    expect(states.length).toBeGreaterThan(0)
    for (const [, { data }] of states) expect(Math.max(...data)).toBe(0)
    for (const [name, { data }] of valuesOf(1)) expect(values.get(name)?.data).toEqual(data)
  })

  it('moves each parameter in and out, and does everything else once for a group', () => {
    const nodes = (count: number) => {
      const alike = trainedOf(Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i}`, [2, 3]])))
      const groups = parameterGroups(alike, { optimizer: adamw(), weightDecay })
      return topologicalOrder(programRoots(applyProgram(groups, { optimizer: adamw(), clips: true }))).length
    }
    expect(nodes(40) - nodes(20)).toBe(4 * 20) // its slot, slice, and its shape twice
  })
})

function valuesOf(seed: number) {
  return new Map(
    Object.entries(shapes).map(([slot, shape]) => [
      slot,
      hostTensor('f32', shape, new Random(seed).at(slot).normal(sizeOf(shape), 1)),
    ]),
  )
}

/** Parameters and states, by parameter, after two steps on given gradients, one of which holds `broken`. */
async function twoSteps(optimizer: Optimizer, broken?: number) {
  const backend = reference()
  const groups = parameterGroups(trained, { optimizer, weightDecay })
  const state = await backend.createState(new Map([...valuesOf(1), ...initialOptimizerState(groups, optimizer)]))
  const executable = await backend.compile(applyProgram(groups, { optimizer, clips: false }))
  const norms: number[] = []
  for (const step of [1, 2]) {
    const gradients = valuesOf(step + 1)
    if (broken !== undefined) (gradients.get('c')?.data as Float32Array)[5] = broken
    await state.write(new Map(groups.map((group) => [gradientSlot(group), joinedValues(group, gradients)])))
    const scalars = { count: 2, learning_rate: 0.1, ...optimizer.scalars(step) }
    const feeds = Object.fromEntries(Object.entries(scalars).map(([name, x]) => [name, hostTensor('f32', [], [x])]))
    const { grad_norm: norm } = await executable.run({ feeds, state: [{ set: state }] })
    norms.push(norm?.data[0] as number)
  }
  const read = await state.read()
  const values = new Map(
    groups.flatMap((group) => [
      ...group.members.map(({ slot }) => [slot, read.get(slot)] as const),
      ...optimizer.states.flatMap((name) =>
        partsOfValues(group, read.get(optimizerSlot(name, group))!).map(
          ([slot, value]) => [`optimizer.${name}:${slot}`, value] as const,
        ),
      ),
    ]),
  )
  return { values: values as ReadonlyMap<string, NonNullable<ReturnType<typeof read.get>>>, norms }
}
