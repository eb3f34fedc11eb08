/** What a run is given, checked the same way for every backend. */
import { describe, expect, it } from 'vitest'
import { type HostTensor, hostTensor, type Spec } from '../dtype.js'
import { add } from '../graph/ops/binary.js'
import { feed, input } from '../graph/ops/input.js'
import type { StateSet } from './backend.js'
import { type ProgramSlots, programSlots } from './program.js'
import { bindState, checkFeeds, checkStateWrite, checkWeights } from './run-arguments.js'

const slot = (text: string) => expect.objectContaining({ code: 'graph.slot', message: expect.stringContaining(text) })
const slots: ProgramSlots = programSlots({
  name: 'p',
  outputs: { y: add(feed('x', 'f32', [2]), input('state', 'a.s', 'f32', [2])) },
})

function setOf(specs: Readonly<Record<string, Spec>>): StateSet {
  return {
    specs: new Map(Object.entries(specs)),
    byteLength: 0,
    read: async () => new Map(),
    write: async () => {},
    release() {},
  }
}

describe('checkFeeds', () => {
  it('gives the feeds by name', () => {
    const x = hostTensor('f32', [2])
    expect([...checkFeeds(slots, 'p', { x })]).toEqual([['x', x]])
  })

  it('names the slot, what it wants and what it got', () => {
    expect(() => checkFeeds(slots, 'p', {})).toThrow(slot('slot="x"'))
    expect(() => checkFeeds(slots, 'p', undefined)).toThrow(slot('a feed is missing'))
    expect(() => checkFeeds(slots, 'p', { x: hostTensor('f32', [2]), y: hostTensor('f32', [2]) })).toThrow(
      slot('unknown=["y"]'),
    )
    expect(() => checkFeeds(slots, 'p', { x: hostTensor('f32', [3]) })).toThrow(slot('got="f32[3]", want="f32[2]"'))
    expect(() => checkFeeds(slots, 'p', { x: hostTensor('i32', [2]) })).toThrow(slot('got="i32[2]"'))
  })

  it('refuses data of another length or width than the spec says', () => {
    const short: HostTensor = { dtype: 'f32', shape: [2], data: new Float32Array(1) }
    const wide: HostTensor = { dtype: 'f32', shape: [2], data: new Float64Array(2) }
    for (const x of [short, wide]) expect(() => checkFeeds(slots, 'p', { x })).toThrow(slot('do not fill its shape'))
  })
})

describe('checkWeights', () => {
  it('names the weight that is missing or loaded with another spec', () => {
    const reading = programSlots({ name: 'p', outputs: { y: add(input('weight', 'w', 'f32', [2]), 1) } })
    const check = (spec?: Spec) => () => checkWeights(reading, 'p', (name) => (name === 'w' ? spec : undefined))
    expect(check({ dtype: 'f32', shape: [2] })).not.toThrow()
    expect(check()).toThrow(slot('was not loaded (program="p", slot="w")'))
    expect(check({ dtype: 'f16', shape: [2] })).toThrow(slot('got="f16[2]", want="f32[2]"'))
  })
})

describe('bindState', () => {
  const f32: Spec = { dtype: 'f32', shape: [2] }

  it('finds a slot by its whole name or below a prefix', () => {
    const [whole, below] = [setOf({ 'a.s': f32 }), setOf({ s: f32 })]
    expect(bindState(slots, 'p', [{ set: whole }]).get('a.s')).toEqual({ set: whole, name: 'a.s' })
    expect(bindState(slots, 'p', [{ set: below, prefix: 'a.' }]).get('a.s')).toEqual({ set: below, name: 's' })
    expect(bindState(slots, 'p', [{ set: below, prefix: 'b.' }, { set: whole }]).get('a.s')?.set).toBe(whole)
  })

  it('refuses a slot in no set, in two, or with another spec', () => {
    const set = setOf({ 'a.s': f32 })
    expect(() => bindState(slots, 'p')).toThrow(slot('exactly one'))
    expect(() => bindState(slots, 'p', [{ set, prefix: 'a.' }])).toThrow(slot('sets=0'))
    expect(() => bindState(slots, 'p', [{ set }, { set: setOf({ s: f32 }), prefix: 'a.' }])).toThrow(slot('sets=2'))
    expect(() => bindState(slots, 'p', [{ set: setOf({ 'a.s': { dtype: 'f16', shape: [2] } }) }])).toThrow(
      slot('f16[2]'),
    )
  })
})

describe('checkStateWrite', () => {
  it('accepts tensors of the state and refuses others', () => {
    const specs = new Map<string, Spec>([['s', { dtype: 'i32', shape: [] }]])
    expect(() => checkStateWrite(specs, new Map([['s', hostTensor('i32', [])]]))).not.toThrow()
    expect(() => checkStateWrite(specs, new Map([['t', hostTensor('i32', [])]]))).toThrow(slot('no such tensor'))
    expect(() => checkStateWrite(specs, new Map([['s', hostTensor('i32', [1])]]))).toThrow(slot('i32[1]'))
  })
})
