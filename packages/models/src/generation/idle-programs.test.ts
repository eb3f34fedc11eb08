import type { Executable, Program, WeightSet } from '@espalier/core'
import { expect, it } from 'vitest'
import { retire } from './idle-programs.js'

it('keeps the programs of each weight set that were used last, each once, and releases the others', () => {
  const released: string[] = []
  const programs = new Map<string, Program>()
  const executable = (name: string): Executable => {
    const program = programs.get(name) ?? { name, outputs: {} }
    programs.set(name, program)
    return { program, byteLength: 0, run: async () => ({}), release: () => void released.push(name) }
  }
  const [one, other] = [{} as WeightSet, {} as WeightSet]
  for (let i = 0; i < 32; i++) retire(one, executable(`p${i}`))
  retire(other, executable('p0'))
  expect(released).toEqual([])
  retire(one, executable('p0'))
  expect(released).toEqual(['p0'])
  retire(one, executable('new'))
  expect(released).toEqual(['p0', 'p1'])
})
