/** Central differences catch wrong derivatives. */
import { type CallDefinition, call, mul, sin, type Tensor } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { checkGradients } from './check-gradients.js'
import { type GraphCase, spread } from './graph-case.js'

// sin with a derivative that is off by a factor.
const slanted = (factor: number): CallDefinition => ({
  name: 'slanted',
  body: ([x]) => [sin(x as Tensor)],
  pullback: ({ inputs: [x], cotangents: [g] }) => [mul(mul(g as Tensor, factor), sin(x as Tensor))],
})

const wrong = (factor: number, dtype: 'f32' | 'f64' = 'f64'): GraphCase => ({
  name: 'slanted',
  feeds: { x: spread(dtype, [3], 1, 0.2, 1) },
  // d/dx of -cos is sin: the pullback of "slanted" is right for the body -cos and factor 1, and never for sin.
  build: (x) => call(slanted(factor), [x], {}),
})

describe('checkGradients', () => {
  it('refuses the derivative of another function', async () => {
    await expect(checkGradients(wrong(1))).rejects.toMatchObject({ code: 'testkit.difference' })
  })

  for (const [what, factor] of [
    ['10 %', 1.1],
    ['1e-4 of its value', 1.0001],
  ] as const) {
    it(`refuses a gradient that is off by ${what}`, async () => {
      const scaled: CallDefinition = {
        name: 'scaled',
        body: ([x]) => [mul(x as Tensor, 3)],
        pullback: ({ cotangents: [g] }) => [mul(g as Tensor, 3 * factor)],
      }
      const one: GraphCase = {
        name: 'scaled',
        feeds: { x: spread('f64', [4], 2) },
        build: (x) => call(scaled, [x], {}),
      }
      await expect(checkGradients(one)).rejects.toThrow('gradient of \\"scaled\\" by x')
    })
  }

  it('refuses a missing gradient', async () => {
    const silent: CallDefinition = { name: 'silent', body: ([x]) => [sin(x as Tensor)], pullback: () => [undefined] }
    const one: GraphCase = { name: 'silent', feeds: { x: spread('f64', [2], 3) }, build: (x) => call(silent, [x], {}) }
    await expect(checkGradients(one)).rejects.toMatchObject({ code: 'testkit.difference' })
  })

  it('judges float32 graphs to 1e-6 too', async () => {
    const right: GraphCase = { name: 'sin', feeds: { x: spread('f32', [5], 4) }, build: (x) => [mul(sin(x), x)] }
    await checkGradients(right)
    await expect(checkGradients(wrong(1, 'f32'))).rejects.toMatchObject({ code: 'testkit.difference' })
  })
})
