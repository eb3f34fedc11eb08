/** Programs as keys: what is one, and what is not. */
import { describe, expect, it } from 'vitest'
import { mul } from '../graph/ops/binary.js'
import { feed } from '../graph/ops/input.js'
import { exp, sin } from '../graph/ops/unary.js'
import type { Tensor } from '../graph/tensor.js'
import type { Program } from './program.js'
import { ProgramMap } from './program-map.js'

const x = () => feed('x', 'f32', [2])
const of = (y: Tensor, name = 'p'): Program => ({ name, outputs: { y } })

describe('ProgramMap', () => {
  it('finds a program that was built apart', () => {
    const map = new ProgramMap<number>()
    map.set(of(sin(x())), 1)
    expect(map.get(of(sin(x())))).toBe(1)
    map.set(of(sin(x())), 2)
    expect(map.values()).toEqual([2])
  })

  it('tells programs apart whose names, slots and results agree', () => {
    const map = new ProgramMap<string>()
    const programs = [of(sin(x())), of(exp(x())), of(mul(x(), 2)), of(mul(x(), 3))]
    programs.forEach((program, i) => {
      map.set(program, String(i))
    })
    expect(programs.map((program) => map.get(program))).toEqual(['0', '1', '2', '3'])
    expect(map.get(of(mul(x(), 4)))).toBeUndefined()
    expect(map.get(of(sin(x()), 'q'))).toBeUndefined()
  })

  it('forgets one and keeps those beside it', () => {
    const map = new ProgramMap<string>()
    map.set(of(sin(x())), 'sin')
    map.set(of(exp(x())), 'exp')
    map.delete(of(sin(x())))
    expect([map.get(of(sin(x()))), map.get(of(exp(x())))]).toEqual([undefined, 'exp'])
    map.delete(of(exp(x())))
    expect(map.values()).toEqual([])
  })
})
