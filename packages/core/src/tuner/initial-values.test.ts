/** Initial values are drawn only where no file has them, and never before the file was asked whether it fits. */
import { describe, expect, it } from 'vitest'
import { hostTensor } from '../dtype.js'
import type { Tensor } from '../graph/tensor.js'
import { Random } from '../random.js'
import { defineTuner } from './define-tuner.js'
import { createValues } from './initial-values.js'

describe('createValues', () => {
  it('refuses a tensor without a file key', () => {
    const nameless = defineTuner({
      kind: 'nameless',
      parse: () => ({}),
      fileKeys: {},
      create: () => ({ a: hostTensor('f32', [1]) }),
      merge: ({ weight }) => weight,
    })
    const site = { path: 'x', paths: ['x'], kind: 'linear', inSize: 1, outSize: 1, hasBias: false } as const
    expect(() => createValues({ tuner: nameless, config: {}, sites: [site], random: new Random(0) })).toThrow(
      expect.objectContaining({ code: 'config.value' }),
    )
  })

  describe('of a file that is about to be loaded', () => {
    const draws: number[] = []
    const ranked = defineTuner<{ r: number }, { A: Tensor; B: Tensor }>({
      kind: 'ranked',
      parse: () => ({ r: 1 }),
      fileKeys: { A: 'A.weight', B: 'B.weight' },
      create: ({ site, config: { r }, random }) => {
        const A = hostTensor('f32', [r, site.inSize], random.at('A').normal(r * site.inSize, 1))
        draws.push(...A.data.subarray(0, 1))
        return { A, B: hostTensor('f32', [site.outSize, r]) }
      },
      merge: ({ weight }) => weight,
    })
    const sites = ['x', 'y'].map(
      (path) => ({ path, paths: [path], kind: 'linear', inSize: 4, outSize: 3, hasBias: false }) as const,
    )
    const of = (r: number, expected?: Record<string, number[]>) =>
      createValues({
        tuner: ranked,
        config: { r },
        sites,
        random: new Random(1),
        ...(expected === undefined
          ? {}
          : { expected: new Map(Object.entries(expected).map(([key, shape]) => [key, { shape }])) }),
      })
    const whole = { 'x.A.weight': [2, 4], 'x.B.weight': [3, 2], 'y.A.weight': [2, 4], 'y.B.weight': [3, 2] }

    it('are zeros, and those that it lacks are drawn as ever', () => {
      const zeros = of(2, whole)
      expect([...zeros].map(([key, { shape }]) => [key, shape])).toEqual(Object.entries(whole))
      expect([...zeros.values()].every(({ data }) => data.every((x) => x === 0))).toBe(true)
      const { 'y.A.weight': _, ...rest } = whole
      const partly = of(2, rest)
      expect(partly.get('y.A.weight')).toEqual(of(2).get('y.A.weight'))
      expect(partly.get('x.A.weight')?.data.every((x) => x === 0)).toBe(true)
    })

    it('are refused when they have other shapes', () => {
      expect(() => of(3, whole)).toThrow(
        expect.objectContaining({
          code: 'adapter.tensors',
          details: expect.objectContaining({
            faults: expect.arrayContaining(['x.A.weight: [2, 4], the configuration asks for [3, 4]']),
          }),
        }),
      )
    })

    it('are refused before anything is drawn when they are larger than the file, whatever it holds', () => {
      draws.length = 0
      for (const r of [2 ** 23, 2 ** 40])
        for (const expected of [whole, {}])
          expect(() => of(r, expected)).toThrow(expect.objectContaining({ code: 'adapter.tensors' }))
      expect(draws).toEqual([])
    })
  })

  it('say so when no memory holds a tensor', () => {
    expect(() =>
      createValues({
        tuner: defineTuner({
          kind: 'huge',
          parse: () => ({}),
          fileKeys: { A: 'A' },
          create: ({ random }) => ({ A: hostTensor('f32', [2 ** 40], random.normal(2 ** 40, 1)) }),
          merge: ({ weight }) => weight,
        }),
        config: {},
        sites: [{ path: 'x', paths: ['x'], kind: 'linear', inSize: 1, outSize: 1, hasBias: false }],
        random: new Random(0),
      }),
    ).toThrow(expect.objectContaining({ code: 'config.value' }))
  })
})
