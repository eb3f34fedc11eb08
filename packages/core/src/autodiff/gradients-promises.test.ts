/** What `gradients` and `vjp` promise beyond the rules: which tensors, which nodes, which errors. */
import { describe, expect, it } from 'vitest'
import { reference } from '../backend/reference.js'
import { hostTensor } from '../dtype.js'
import { add, mul, pow } from '../graph/ops/binary.js'
import { type CallDefinition, call } from '../graph/ops/call.js'
import { cast } from '../graph/ops/cast.js'
import { filledWith } from '../graph/ops/constant.js'
import { feed, input } from '../graph/ops/input.js'
import { matmul } from '../graph/ops/matmul.js'
import { reduceMax, reduceSum } from '../graph/ops/reduce.js'
import { floor, log, sin } from '../graph/ops/unary.js'
import { isOp, type Tensor, topologicalOrder } from '../graph/tensor.js'
import { inlineCalls } from '../transforms/inline.js'
import { gradients, vjp } from './gradients.js'

const x = feed('x', 'f64', [2])

async function values(tensors: readonly Tensor[], feeds = { x: hostTensor('f64', [2], [2, 3]) }): Promise<number[][]> {
  const keep = { keep: x }
  const executable = await reference().compile({
    name: 'test',
    outputs: { ...Object.fromEntries(tensors.map((t, i) => [String(i), t])), ...keep },
  })
  const result = await executable.run({ feeds })
  return tensors.map((_, i) => Array.from(result[String(i)]?.data ?? []))
}

describe('gradients', () => {
  it('are whole for tensors that depend on each other', async () => {
    const y = mul(x, x)
    const loss = reduceSum(mul(y, x)) // x^3
    const [dx, dy] = gradients(loss, [x, y])
    expect(await values([dx as Tensor, dy as Tensor])).toEqual([
      [12, 27],
      [2, 3],
    ])
  })

  it('are zeros where the loss does not depend on a tensor, or only through steps', async () => {
    const other = feed('other', 'f64', [3])
    const [a, b] = gradients(reduceSum(floor(x)), [x, other])
    expect([filledWith(a as Tensor), (b as Tensor).shape]).toEqual([0, [3]])
  })

  it('are 1 by the loss itself, and the same twice when asked twice', async () => {
    const loss = reduceSum(sin(x))
    const [one, a, b] = gradients(loss, [loss, x, x])
    expect(filledWith(one as Tensor)).toBe(1)
    expect(a).toBe(b)
  })

  it('leave frozen weights without products of their own', () => {
    const [a, w1, w2] = [
      feed('a', 'f32', [4, 4]),
      input('weight', 'w1', 'f32', [4, 4]),
      input('weight', 'w2', 'f32', [4, 4]),
    ]
    const trained = input('state', 't', 'f32', [4, 4])
    const below = sin(matmul(a, w1))
    const loss = reduceSum(matmul(matmul(below, trained), w2))
    const products = topologicalOrder(gradients(loss, [trained])).filter((node) => isOp(node, 'matmul')).length
    // Forward below (1), cotangent through w2 (1), dW of the trained one (1); its own product and w2's are not needed for a linear loss.
    expect(products).toBe(3)
  })

  it('share among three equal maxima', async () => {
    const z = feed('x', 'f64', [3])
    const executable = await reference().compile({
      name: 'ties',
      outputs: { g: gradients(reduceMax(z), [z])[0] as Tensor },
    })
    const { g: shared } = await executable.run({ feeds: { x: hostTensor('f64', [3], [4, 4, 4]) } })
    expect(Array.from(shared?.data ?? [])).toEqual([1 / 3, 1 / 3, 1 / 3])
  })

  it('are finite for powers of 0', async () => {
    const zero = { x: hostTensor('f64', [2], [0, 0]) }
    const [byBase] = gradients(reduceSum(pow(x, mul(x, 0))), [x])
    const exponent = add(x, 2)
    const [byExponent] = gradients(reduceSum(pow(mul(x, 0), exponent)), [exponent])
    expect(await values([byBase as Tensor, byExponent as Tensor], zero)).toEqual([
      [0, 0],
      [0, 0],
    ])
  })

  it('refuse a loss that is no scalar float, and tensors that are no floats, with gradient.none', () => {
    const none = expect.objectContaining({ code: 'gradient.none' })
    expect(() => gradients(x, [x])).toThrow(none)
    expect(() => gradients(cast(reduceSum(x), 'i32'), [x])).toThrow(none)
    expect(() => gradients(reduceSum(x), [feed('i', 'i32', [2])])).toThrow(none)
  })

  it('refuse a pullback whose cotangent does not fit, naming the call', () => {
    const wrong: CallDefinition = {
      name: 'mine.wrong',
      body: ([a]) => [sin(a as Tensor)],
      pullback: ({ cotangents: [g] }) => [reduceSum(g as Tensor)],
    }
    const narrow: CallDefinition = { ...wrong, pullback: ({ cotangents: [g] }) => [cast(g as Tensor, 'f32')] }
    for (const definition of [wrong, narrow]) {
      const loss = reduceSum(call(definition, [x], {})[0] as Tensor)
      expect(() => gradients(loss, [x])).toThrow(
        expect.objectContaining({ code: 'shape.mismatch', message: expect.stringContaining('mine.wrong') }),
      )
    }
  })

  it('use the pullback that a call brings, and differentiate its body when it declines', () => {
    const definition = (pullback: CallDefinition['pullback']): CallDefinition => ({
      name: 'mine.sin',
      body: ([a]) => [sin(a as Tensor)],
      pullback,
    })
    const derivative = (own: CallDefinition['pullback']) => {
      const [g] = gradients(reduceSum(call(definition(own), [x], {})[0] as Tensor), [x])
      return topologicalOrder(inlineCalls([g as Tensor])).flatMap((node) =>
        isOp(node, 'unary') ? [node.attrs.fn] : [],
      )
    }
    expect(derivative(({ inputs: [a], cotangents: [g] }) => [mul(g as Tensor, log(a as Tensor))])).toContain('log')
    expect(derivative(() => undefined)).toContain('cos')
    expect(derivative(undefined)).toContain('cos')
  })
})

describe('vjp', () => {
  it('counts its tensors as independent of each other', async () => {
    const y = mul(x, x)
    const [dx, dy] = vjp([mul(y, x)], [add(mul(x, 0), 1)], [x, y])
    expect(await values([dx as Tensor, dy as Tensor])).toEqual([
      [4, 9],
      [2, 3],
    ])
  })

  it('gives undefined where no output depends on a tensor, and passes a missing cotangent by', () => {
    const other = feed('other', 'f64', [2])
    expect(vjp([sin(x)], [x], [other])).toEqual([undefined])
    expect(vjp([sin(x)], [undefined], [x])).toEqual([undefined])
  })
})
