/** Programs: their slots, and the key under which equal ones are compiled once. */
import { describe, expect, it } from 'vitest'
import { add, mul } from '../graph/ops/binary.js'
import { type CallDefinition, call } from '../graph/ops/call.js'
import { constant } from '../graph/ops/constant.js'
import { feed, input } from '../graph/ops/input.js'
import { reduceSum } from '../graph/ops/reduce.js'
import { exp, sin } from '../graph/ops/unary.js'
import type { Tensor } from '../graph/tensor.js'
import { type Program, programKey, programRoots, programSlots, withRoots } from './program.js'

const x = () => feed('x', 'f32', [2])
const of = (y: Tensor, extra: Partial<Program> = {}): Program => ({ name: 'p', outputs: { y }, ...extra })
const times = (factor: number, name = 'times'): CallDefinition => ({ name, body: ([a]) => [mul(a as Tensor, factor)] })

describe('programKey', () => {
  it('is equal for programs built apart from the same steps', () => {
    const build = () =>
      of(add(sin(x()), call(times(2), [x()], {})[0] as Tensor), {
        updates: { s: mul(input('state', 's', 'f32', []), 2) },
      })
    expect(programKey(build())).toBe(programKey(build()))
  })

  it('differs in anything that a compiler could see', () => {
    const apply = (definition: CallDefinition, attributes = {}) => call(definition, [x()], attributes)[0] as Tensor
    const [two, three] = [times(2), times(3)]
    const programs: Program[] = [
      of(sin(x())),
      of(exp(x())),
      of(sin(feed('z', 'f32', [2]))),
      of(sin(feed('x', 'f32', [3]))),
      of(sin(feed('x', 'f16', [2]))),
      of(sin(input('weight', 'x', 'f32', [2]))),
      of(sin(input('state', 'x', 'f32', [2]))),
      { name: 'q', outputs: { y: sin(x()) } },
      { name: 'p', outputs: { z: sin(x()) } },
      of(sin(x()), { updates: { s: sin(x()) } }),
      of(sin(x()), { updates: { t: sin(x()) } }),
      of(add(x(), 1)),
      of(add(x(), 2)),
      of(add(x(), constant(0))),
      of(add(x(), constant(-0))),
      of(reduceSum(x())),
      of(reduceSum(x(), { keepDims: true })),
      of(apply(two)),
      of(apply(three)),
      of(apply(two, { a: 1 })),
      of(apply(two, { a: 2 })),
      of(apply(times(2, 'other'))),
      // Two definitions of one name in one program, in every order.
      of(add(apply(two), apply(two))),
      of(add(apply(two), apply(three))),
      of(add(apply(three), apply(two))),
      of(add(add(apply(two), apply(three)), apply(two))),
      of(add(add(apply(two), apply(three)), apply(three))),
    ]
    const keys = programs.map(programKey)
    const twins = keys.flatMap((key, i) => (keys.indexOf(key) === i ? [] : [[keys.indexOf(key), i]]))
    expect(twins).toEqual([])
  })

  it('tells a shared node from an equal second one', () => {
    const shared = sin(x())
    expect(programKey(of(add(shared, shared)))).not.toBe(programKey(of(add(sin(x()), sin(x())))))
  })
})

describe('programSlots', () => {
  it('lists slots by kind, with state that is only written', () => {
    const program = of(add(x(), input('weight', 'w', 'f32', [2])), {
      updates: { s: sin(x()), t: mul(input('state', 't', 'f32', []), 2) },
    })
    const { weight, state, feed: feeds } = programSlots(program)
    expect([[...weight.keys()], [...feeds.keys()], [...state.keys()].sort()]).toEqual([['w'], ['x'], ['s', 't']])
    expect(state.get('s')).toEqual({ dtype: 'f32', shape: [2] })
  })

  it('refuses one slot with two specs, and an update of another spec, with graph.slot', () => {
    const slot = expect.objectContaining({ code: 'graph.slot' })
    expect(() => programSlots(of(add(reduceSum(x()), reduceSum(feed('x', 'f32', [3])))))).toThrow(slot)
    expect(() => programSlots(of(sin(input('state', 's', 'f32', [2])), { updates: { s: reduceSum(x()) } }))).toThrow(
      slot,
    )
  })

  it('keeps slots of one name and different kinds apart', () => {
    const {
      weight,
      state,
      feed: feeds,
    } = programSlots(
      of(add(feed('a', 'f32', []), add(input('weight', 'a', 'f32', [2]), input('state', 'a', 'f32', [3, 2])))),
    )
    expect([weight.get('a')?.shape, state.get('a')?.shape, feeds.get('a')?.shape]).toEqual([[2], [3, 2], []])
  })
})

describe('withRoots', () => {
  it('puts roots back where programRoots took them', () => {
    const program = of(sin(x()), { updates: { s: exp(x()) } })
    expect(withRoots(program, programRoots(program))).toEqual(program)
    const [y, s] = [x(), x()]
    expect(withRoots(program, [y, s])).toEqual({ name: 'p', outputs: { y }, updates: { s } })
  })
})
