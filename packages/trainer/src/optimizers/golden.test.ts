/** Optimizers against PyTorch's, transformers' and bitsandbytes' own: ten steps of three parameters, from the folder that ESPALIER_FIXTURES names. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type HostTensor, hostTensor, programSlots, reference, sizeOf } from '@espalier/core'
import { expect, it } from 'vitest'
import { type ParameterGroup, parameterGroups, partsOfValues } from '../parameter-groups.js'
import { applyProgram, gradientSlot, initialOptimizerState, optimizerSlot } from '../programs.js'
import { adafactor } from './adafactor.js'
import { adagrad } from './adagrad.js'
import { adam } from './adam.js'
import { adamw } from './adamw.js'
import { lion } from './lion.js'
import { muon } from './muon.js'
import type { Optimizer } from './optimizer.js'
import { rmsprop } from './rmsprop.js'
import { sgd } from './sgd.js'

const root = process.env.ESPALIER_FIXTURES
if (root === undefined) console.log('not run: golden optimizers (ESPALIER_FIXTURES is not set)')

const cases: readonly (readonly [string, Optimizer, { learningRate: number; weightDecay?: number }])[] = [
  ['adamw', adamw(), { learningRate: 0.01, weightDecay: 0.1 }],
  ['adamw-no-decay', adamw({ epsilon: 1e-6 }), { learningRate: 0.01 }],
  ['adamw-amsgrad', adamw({ amsgrad: true }), { learningRate: 0.01, weightDecay: 0.1 }],
  ['adam-l2', adam(), { learningRate: 0.01, weightDecay: 0.1 }],
  ['sgd', sgd(), { learningRate: 0.05 }],
  ['sgd-momentum', sgd({ momentum: 0.9 }), { learningRate: 0.02, weightDecay: 0.01 }],
  ['sgd-nesterov', sgd({ momentum: 0.9, nesterov: true }), { learningRate: 0.02 }],
  ['sgd-dampening', sgd({ momentum: 0.9, dampening: 0.3 }), { learningRate: 0.02 }],
  ['adagrad', adagrad(), { learningRate: 0.01 }],
  ['rmsprop', rmsprop({ alpha: 0.95 }), { learningRate: 0.01 }],
  ['lion', lion(), { learningRate: 0.001, weightDecay: 0.1 }],
  ['adafactor-fixed', adafactor(), { learningRate: 0.001 }],
  ['adafactor-momentum', adafactor({ scaleParameter: true, beta1: 0.9 }), { learningRate: 0.01, weightDecay: 0.01 }],
  ['adafactor-relative', adafactor({ scaleParameter: true, relativeStep: true }), { learningRate: 0 }],
  ['muon', muon(), { learningRate: 0.01, weightDecay: 0.1 }],
]

it.runIf(root !== undefined).each(cases)('%s', async (name, optimizer, { learningRate, weightDecay = 0 }) => {
  const folder = join(root as string, 'optim', name)
  const { tolerances, settings } = JSON.parse(readFileSync(join(folder, 'case.json'), 'utf8')) as GoldenOptimizer
  expect([settings.lr ?? 0, settings.weight_decay ?? 0]).toEqual([learningRate, weightDecay])
  const tensors = tensorsOf(readFileSync(join(folder, 'expected.safetensors')))
  const named = (prefix: string) =>
    new Map([...tensors].flatMap(([key, value]) => (key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : [])))
  const [start, states, gradients] = [named('input.'), named('expected.state.'), named('input.gradients.')]
  for (const key of start.keys()) if (key.startsWith('gradients.')) start.delete(key)
  expect(start.size).toBeGreaterThan(1)

  const backend = reference()
  const groups = parameterGroups(start, { optimizer, weightDecay: () => weightDecay })
  const parameters = await backend.createState(start)
  const state = await backend.createState(initialOptimizerState(groups, optimizer))
  const program = applyProgram(groups, { optimizer, clips: false })
  const executable = await backend.compile(program)
  const { feed: slots } = programSlots(program)
  const close = (got: HostTensor | undefined, want: HostTensor, what: string, offset = 0) => {
    const { atol, rtol } = tolerances.expected
    for (const [i, value] of ((got as HostTensor).data as Float32Array).entries()) {
      const expected = want.data[offset + i] as number
      const isClose = Math.abs(value - expected) <= atol + rtol * Math.abs(expected)
      expect(isClose, `${what}[${i}]: ${value}, ${expected}`).toBe(true)
    }
  }
  for (let step = 1; step <= 10; step++) {
    for (const group of groups) {
      const sum = new Float32Array(sizeOf(group.shape))
      for (const { slot, shape, start: at } of group.members) {
        const size = sizeOf(shape)
        const all = (gradients.get(slot) as HostTensor).data as Float32Array
        sum.set(all.subarray((step - 1) * size, step * size), at)
      }
      await state.write(new Map([[gradientSlot(group), hostTensor('f32', group.shape, sum)]]))
    }
    const scalars = { count: 1, learning_rate: learningRate, ...optimizer.scalars(step) }
    const feeds = Object.entries(scalars).filter(([key]) => slots.has(key))
    await executable.run({
      feeds: Object.fromEntries(feeds.map(([key, value]) => [key, hostTensor('f32', [], [value])])),
      state: [{ set: parameters }, { set: state }],
    })
    const values = await parameters.read()
    for (const [slot, { shape }] of start)
      close(
        values.get(slot),
        tensors.get(`expected.${slot}`) as HostTensor,
        `${slot} after step ${step}`,
        (step - 1) * sizeOf(shape),
      )
  }
  const kept = await state.read()
  for (const group of groups as readonly ParameterGroup[])
    for (const stateName of optimizer.states) {
      const held = kept.get(optimizerSlot(stateName, group)) as HostTensor | undefined
      if (held === undefined) continue
      const parts = group.members.length > 1 ? partsOfValues(group, held) : [[group.name, held] as const]
      for (const [slot, value] of parts) {
        const want = states.get(`${slot}.${stateName}`) ?? states.get(`${slot}.state1`)
        expect(want?.shape, `${slot}.${stateName}`).toEqual(value.shape)
        close(value, want as HostTensor, `${slot}.${stateName}`)
      }
    }
})

interface GoldenOptimizer {
  readonly settings: { readonly lr?: number | null; readonly weight_decay?: number }
  readonly tolerances: { readonly expected: { readonly atol: number; readonly rtol: number } }
}

/** The f32 tensors of a small safetensors file. */
function tensorsOf(file: Buffer): Map<string, HostTensor> {
  const length = Number(file.readBigUInt64LE(0))
  const header = JSON.parse(file.toString('utf8', 8, 8 + length)) as Readonly<Record<string, SavedTensor>>
  const entries = Object.entries(header).filter(([name, { dtype }]) => name !== '__metadata__' && dtype === 'F32')
  return new Map(
    entries.map(
      ([
        name,
        {
          shape,
          data_offsets: [start, end],
        },
      ]) => {
        const bytes = Uint8Array.from(file.subarray(8 + length + start, 8 + length + end))
        return [name, hostTensor('f32', shape, new Float32Array(bytes.buffer))]
      },
    ),
  )
}

interface SavedTensor {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data_offsets: readonly [number, number]
}
