/** Cases of core's named calls: the values and gradients of every layer that models are made of. */
import {
  type AttentionAttributes,
  attention,
  cachedAttention,
  cast,
  crossEntropy,
  crossEntropyOfLogits,
  type DType,
  dropout,
  gelu,
  type HostTensor,
  hostTensor,
  layerNorm,
  mul,
  relu,
  rmsNorm,
  rope,
  type Shape,
  silu,
  softmax,
  type Tensor,
} from '@espalier/core'
import { type GraphCase, spread } from '../graph-case.js'

/** Cases of every named call on one float dtype. */
export function namedCallCases(dtype: DType): GraphCase[] {
  const x = (shape: Shape, seed: number, low = -2, high = 2) => spread(dtype, shape, seed, low, high)
  return [
    { name: 'softmax (2,3,5)', feeds: { x: x([2, 3, 5], 1) }, build: (a) => [softmax(a)] },
    { name: 'softmax of one column', feeds: { x: x([3, 1], 2) }, build: (a) => [softmax(a)] },
    {
      name: 'softmax of large numbers',
      feeds: { x: x([2, 7], 3, -300, 300) },
      // Differences of up to 600 leave only the largest entries above 0.
      differentiate: [],
      build: (a) => [softmax(a)],
    },
    { name: 'silu', feeds: { x: x([3, 7], 4, -6, 6) }, build: (a) => [silu(a)] },
    { name: 'gelu', feeds: { x: x([3, 7], 5, -4, 4) }, build: (a) => [gelu(a)] },
    { name: 'gelu by tanh', feeds: { x: x([3, 7], 6, -4, 4) }, build: (a) => [gelu(a, 'tanh')] },
    { name: 'relu', feeds: { x: x([3, 6], 7) }, build: (a) => [relu(a)] },
    {
      name: 'rmsNorm (2,3,5)',
      feeds: { x: x([2, 3, 5], 8), weight: x([5], 9, 0.5, 1.5) },
      build: (a, w) => [rmsNorm(a, w, 1e-5)],
    },
    {
      name: 'layerNorm (4,7)',
      feeds: { x: x([4, 7], 10), weight: x([7], 11, 0.5, 1.5), bias: x([7], 12) },
      build: (a, w, b) => [layerNorm(a, w, b, 1e-5)],
    },
    {
      name: 'rope (2,3,5,4), angles shared by the batch',
      feeds: { x: x([2, 3, 5, 4], 13), cos: x([1, 5, 2], 14, -1, 1), sin: x([1, 5, 2], 15, -1, 1) },
      differentiate: ['x'],
      build: (a, cos, sin) => [rope(a, cos, sin)],
    },
    {
      name: 'rope (2,1,3,2), angles of each row',
      feeds: { x: x([2, 1, 3, 2], 16), cos: x([2, 3, 1], 17, -1, 1), sin: x([2, 3, 1], 18, -1, 1) },
      differentiate: ['x'],
      build: (a, cos, sin) => [rope(a, cos, sin)],
    },
    dropoutCase(dtype),
    ...attentionCases(dtype),
    ...lossCases(dtype),
  ]
}

function attentionCases(dtype: DType): GraphCase[] {
  const of = (
    name: string,
    q: Shape,
    kv: Shape,
    attributes: Partial<AttentionAttributes>,
    keep?: HostTensor,
  ): GraphCase => ({
    name: `attention (${q}) to (${kv}), ${name}`,
    feeds: {
      q: spread(dtype, q, 20),
      k: spread(dtype, kv, 21),
      v: spread(dtype, kv, 22),
      ...(keep === undefined ? {} : { keep }),
    },
    build: (query, key, value, mask) => [
      attention(
        query,
        key,
        value,
        { scale: 0.5, causal: false, window: null, ...attributes },
        keep === undefined ? undefined : mask,
      ),
    ],
  })
  const padding = hostTensor('bool', [2, 5], [1, 1, 1, 1, 1, 1, 1, 0, 0, 0])
  const leftPadding = hostTensor('bool', [2, 5], [1, 1, 1, 1, 1, 0, 0, 1, 1, 1])
  return [
    of('all', [1, 2, 3, 4], [1, 2, 5, 4], {}),
    of('causal', [1, 2, 5, 4], [1, 2, 5, 4], { causal: true }),
    of('causal, two heads share keys', [2, 4, 3, 2], [2, 2, 3, 2], { causal: true }),
    of('causal, padded', [2, 2, 5, 2], [2, 1, 5, 2], { causal: true }, padding),
    of('padded', [2, 1, 5, 3], [2, 1, 5, 3], {}, leftPadding),
    // The first queries see no key at all: their result is only to be finite and the same everywhere, and it has no gradient.
    {
      ...of('causal, padded on the left', [2, 2, 5, 2], [2, 1, 5, 2], { causal: true }, leftPadding),
      differentiate: [],
    },
    of('causal, the last two of five', [1, 1, 2, 3], [1, 1, 5, 3], { causal: true }),
    of('causal, a window of 3', [1, 2, 7, 2], [1, 2, 7, 2], { causal: true, window: 3 }),
    of('one query', [1, 3, 1, 2], [1, 3, 6, 2], { causal: true }),
    {
      ...of('causal, more queries than one block', [1, 1, 131, 2], [1, 1, 131, 2], { causal: true }),
      differentiate: ['k'],
    },
    cachedCase(dtype, 2, null),
    cachedCase(dtype, 2, 3),
    cachedCase(dtype, 1, null),
    cachedCase(dtype, 1, 3),
  ]
}

function cachedCase(dtype: DType, tokens: number, window: number | null): GraphCase {
  return {
    name: `cachedAttention of ${tokens} tokens after 4 of 6 slots${window === null ? '' : `, a window of ${window}`}`,
    feeds: {
      q: spread(dtype, [2, 4, tokens, 3], 23),
      cachedK: spread(dtype, [2, 2, 6, 3], 24),
      cachedV: spread(dtype, [2, 2, 6, 3], 25),
      newK: spread(dtype, [2, 2, tokens, 3], 26),
      newV: spread(dtype, [2, 2, tokens, 3], 27),
      filled: hostTensor('i32', [], [4]),
      keep: hostTensor('bool', [2, 6], [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]),
    },
    // Decoding does not train.
    differentiate: [],
    build: (...inputs) => [
      cachedAttention(inputs as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor], { scale: 0.7, window }),
    ],
  }
}

function lossCases(dtype: DType): GraphCase[] {
  const targets = hostTensor('i32', [5], [0, 6, 3, 3, 1])
  const weights = hostTensor(dtype, [5], [1, 0, 2, 0.5, 1])
  const of = (block: number): GraphCase => ({
    name: `crossEntropy of 5 rows, 7 classes, ${block} rows at a time`,
    feeds: { hidden: spread(dtype, [5, 3], 30), weight: spread(dtype, [7, 3], 31), targets, weights },
    differentiate: ['hidden', 'weight'],
    build: (hidden, weight, t, w) => [crossEntropy(hidden, weight, t, w, block)],
  })
  return [
    of(256),
    of(2),
    {
      name: 'crossEntropy of no rows is 0',
      feeds: {
        hidden: hostTensor(dtype, [0, 3]),
        weight: spread(dtype, [4, 3], 32),
        targets: hostTensor('i32', [0]),
        weights: hostTensor(dtype, [0]),
      },
      differentiate: [],
      build: (hidden, weight, t, w) => [mul(crossEntropy(hidden, weight, t, w), 1)],
    },
    {
      name: 'crossEntropyOfLogits (5,7)',
      feeds: { logits: spread(dtype, [5, 7], 33, -4, 4), targets, weights },
      differentiate: ['logits'],
      build: (logits, t, w) => [crossEntropyOfLogits(logits, t, w)],
    },
  ]
}

function dropoutCase(dtype: DType): GraphCase {
  return {
    name: 'dropout (3,50) at a rate of 0.3',
    // The mask is f32 whatever x is, so f64 would be no more exact.
    feeds: { x: spread(dtype === 'f64' ? 'f32' : dtype, [3, 50], 34), seed: hostTensor('u32', [], [77]) },
    build: (x, seed) => [cast(dropout(cast(x, 'f32'), seed, 0.3, 'model.layers.0'), x.dtype)],
  }
}
