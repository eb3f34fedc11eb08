/** Cases of named calls that no backend knows: bodies, own pullbacks, several outputs, nesting; and gradients of gradients. */
import * as core from '@espalier/core'
import { type CallDefinition, call, type DType, gradients, type Tensor } from '@espalier/core'
import { type GraphCase, spread } from '../graph-case.js'

type Two = readonly [Tensor, Tensor]

const product: CallDefinition = {
  name: 'testkit.product',
  body(inputs) {
    const [a, b] = inputs as Two
    return [core.mul(a, core.sin(b))]
  },
}

const productWithPullback: CallDefinition = {
  ...product,
  name: 'testkit.productWithPullback',
  pullback({ inputs, cotangents }) {
    const [[a, b], g] = [inputs as Two, cotangents[0] as Tensor]
    return [core.mul(g, core.sin(b)), core.mul(g, core.mul(a, core.cos(b)))]
  },
}

// Its pullback uses outputs, as norms use their statistics.
const scaled: CallDefinition<{ readonly factor: number }> = {
  name: 'testkit.scaled',
  body(inputs, { factor }) {
    const e = core.exp(inputs[0] as Tensor)
    return [core.mul(e, factor), e]
  },
  pullback({ outputs, cotangents: [g, h] }) {
    const [y, e] = outputs as Two
    if (g === undefined) return [h === undefined ? undefined : core.mul(h, e)]
    return [h === undefined ? core.mul(g, y) : core.add(core.mul(g, y), core.mul(h, e))]
  },
}

// Its pullback knows the first output only and leaves the rest to the body.
const halfKnown: CallDefinition = {
  name: 'testkit.halfKnown',
  body(inputs) {
    const x = inputs[0] as Tensor
    return [core.mul(x, x), core.sin(x)]
  },
  pullback({ inputs, cotangents: [g, h] }) {
    return g === undefined || h !== undefined ? undefined : [core.mul(core.mul(g, inputs[0] as Tensor), 2)]
  },
}

// Reads all three inputs, which depend on each other through one node with two outputs.
const pick: CallDefinition = {
  name: 'testkit.pick',
  body(inputs) {
    const [values, indices, x] = inputs as readonly [Tensor, Tensor, Tensor]
    return [core.mul(values, core.gatherAlong(x, indices, 1))]
  },
}

const nested: CallDefinition = {
  name: 'testkit.nested',
  body(inputs) {
    const [x, y] = inputs as Two
    return [core.add(first(call(product, [x, y], {})), first(call(scaled, [x], { factor: 0.5 }))), x]
  },
}

/** Cases of calls on one float dtype. */
export function callCases(dtype: DType): GraphCase[] {
  const feeds = { x: spread(dtype, [2, 3], 1), y: spread(dtype, [2, 3], 2) }
  const of = (name: string, build: (x: Tensor, y: Tensor) => readonly Tensor[]): GraphCase => ({
    name,
    feeds,
    build,
  })
  const ofOne = (name: string, build: (x: Tensor) => readonly Tensor[]): GraphCase => ({
    name,
    feeds: { x: feeds.x },
    build,
  })
  return [
    of('call without a pullback of its own', (x, y) => call(product, [x, y], {})),
    of('call with a pullback of its own', (x, y) => call(productWithPullback, [x, y], {})),
    of('call of one tensor twice', (x, y) => [core.mul(first(call(product, [x, x], {})), y)]),
    of('call of one tensor twice, with a pullback of its own', (x, y) => [
      core.mul(first(call(productWithPullback, [x, x], {})), y),
    ]),
    ofOne('call with two outputs', (x) => call(scaled, [x], { factor: 3 })),
    ofOne('call with two outputs, the second used', (x) => call(scaled, [x], { factor: 3 }).slice(1)),
    ofOne('call whose pullback knows one output, that one used', (x) => call(halfKnown, [x], {}).slice(0, 1)),
    ofOne('call whose pullback knows one output, both used', (x) => call(halfKnown, [x], {})),
    of('call of calls that passes an input on', (x, y) => call(nested, [x, y], {})),
    of('call whose inputs depend on each other', (x, y) => {
      const z = core.mul(x, y)
      return call(product, [z, core.add(z, x)], {})
    }),
    ofOne('call of values and indices of one topK, and of what it read', (x) => {
      const { values, indices } = core.topK(x, 2)
      return call(pick, [values, indices, x], {})
    }),
    ofOne('two calls that differ in an attribute', (x) => [
      first(call(scaled, [x], { factor: 2 })),
      first(call(scaled, [x], { factor: 4 })),
    ]),
  ]
}

/** Gradients as results, so that the suite differentiates them once more. */
export function secondOrderCases(dtype: DType): GraphCase[] {
  const second = (name: string, low: number, high: number, f: (x: Tensor) => Tensor): GraphCase => ({
    name: `second derivative of ${name}`,
    feeds: { x: spread(dtype, [2, 3], 3, low, high) },
    build: (x) => gradients(core.reduceSum(f(x)), [x]),
  })
  return [
    second('x sin x', -2, 2, (x) => core.mul(x, core.sin(x))),
    second('exp tanh', -2, 2, (x) => core.exp(core.tanh(x))),
    second('sigmoid and log', 0.2, 2, (x) => core.mul(core.sigmoid(x), core.log(x))),
    second('rsqrt of a sum', 0.2, 2, (x) => core.rsqrt(core.reduceSum(core.mul(x, x)))),
    second('div and pow', 0.3, 2, (x) => core.div(core.pow(x, 3), core.add(x, 1))),
    second('a matrix product with itself', -1, 1, (x) => core.exp(core.matmul(x, x, { transposeB: true }))),
    second('softmax built of ops', -1, 1, (x) => {
      const e = core.exp(core.sub(x, core.reduceMax(x, { axes: [1], keepDims: true })))
      return core.pow(core.div(e, core.reduceSum(e, { axes: [1], keepDims: true })), 2)
    }),
    second('a call with a pullback of its own', -1, 1, (x) => first(call(productWithPullback, [x, x], {}))),
    second('a call with two outputs', -1, 1, (x) => core.mul(first(call(scaled, [x], { factor: 3 })), x)),
    // Their pullbacks use outputs, whose own derivatives then count.
    second('softmax', -1, 1, (x) => core.mul(core.softmax(x), x)),
    second('silu and gelu', -2, 2, (x) => core.add(core.silu(x), core.gelu(x))),
    second('rmsNorm', -1, 1, (x) => core.exp(core.rmsNorm(x, core.iota([3], 0, x.dtype), 1e-5))),
    second('layerNorm', -1, 1, (x) => {
      const row = core.iota([3], 0, x.dtype)
      return core.exp(core.layerNorm(x, row, row, 1e-5))
    }),
    second('attention', -1, 1, (x) => {
      const heads = core.reshape(x, [1, 1, 2, 3])
      return core.exp(core.attention(heads, heads, heads, { scale: 0.7, causal: true, window: null }))
    }),
    second('erf', -1, 1, (x) => core.mul(core.erf(x), x)),
  ]
}

function first(outputs: readonly Tensor[]): Tensor {
  return outputs[0] as Tensor
}
