/** Cases of core's named calls: the values and gradients of every layer that models are made of. */
import * as core from '@espalier/core'
import {
  type AttentionAttributes,
  attention,
  attentionBackwardCall,
  attentionCall,
  type CallDefinition,
  type CrossEntropyAttributes,
  cachedAttention,
  cast,
  crossEntropy,
  crossEntropyOfLogits,
  type DType,
  dequantize,
  detach,
  dropout,
  expertMatmul,
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
import { type GraphCase, spread, whole } from '../graph-case.js'
import { fourBitCases } from './four-bit-calls.js'

/** The named calls that core exports, by the name of the export. */
export type NamedCall = {
  [K in keyof typeof core]: (typeof core)[K] extends CallDefinition ? K : never
}[keyof typeof core]

const definitions: Readonly<Record<NamedCall, CallDefinition>> = core

// A call that core exports and that has no cases here does not compile.
const casesOf: { readonly [K in NamedCall]: (dtype: DType) => readonly GraphCase[] } = {
  softmaxCall: (dtype) => [
    { name: 'softmax (2,3,5)', feeds: { x: spread(dtype, [2, 3, 5], 1) }, build: (a) => [softmax(a)] },
    { name: 'softmax of one column', feeds: { x: spread(dtype, [3, 1], 2) }, build: (a) => [softmax(a)] },
    {
      name: 'softmax of large numbers',
      feeds: { x: spread(dtype, [2, 7], 3, -300, 300) },
      // Differences of up to 600 leave only the largest entries above 0.
      differentiate: [],
      build: (a) => [softmax(a)],
    },
  ],
  siluCall: (dtype) => [{ name: 'silu', feeds: { x: spread(dtype, [3, 7], 4, -6, 6) }, build: (a) => [silu(a)] }],
  geluCall: (dtype) => [
    { name: 'gelu', feeds: { x: spread(dtype, [3, 7], 5, -4, 4) }, build: (a) => [gelu(a)] },
    { name: 'gelu by tanh', feeds: { x: spread(dtype, [3, 7], 6, -4, 4) }, build: (a) => [gelu(a, 'tanh')] },
  ],
  rmsNormCall: (dtype) => [
    {
      name: 'rmsNorm (2,3,5)',
      feeds: { x: spread(dtype, [2, 3, 5], 8), weight: spread(dtype, [5], 9, 0.5, 1.5) },
      build: (a, w) => [rmsNorm(a, w, 1e-5)],
    },
  ],
  layerNormCall: (dtype) => [
    {
      name: 'layerNorm (4,7)',
      feeds: { x: spread(dtype, [4, 7], 10), weight: spread(dtype, [7], 11, 0.5, 1.5), bias: spread(dtype, [7], 12) },
      build: (a, w, b) => [layerNorm(a, w, b, 1e-5)],
    },
  ],
  ropeCall: (dtype) => [
    {
      name: 'rope (2,3,5,4), angles shared by the batch',
      feeds: {
        x: spread(dtype, [2, 3, 5, 4], 13),
        cos: spread(dtype, [1, 5, 2], 14, -1, 1),
        sin: spread(dtype, [1, 5, 2], 15, -1, 1),
      },
      differentiate: ['x'],
      build: (a, cos, sin) => [rope(a, cos, sin)],
    },
    {
      name: 'rope (2,1,3,2), angles of each row',
      feeds: {
        x: spread(dtype, [2, 1, 3, 2], 16),
        cos: spread(dtype, [2, 3, 1], 17, -1, 1),
        sin: spread(dtype, [2, 3, 1], 18, -1, 1),
      },
      differentiate: ['x'],
      build: (a, cos, sin) => [rope(a, cos, sin)],
    },
  ],
  dropoutMaskCall: (dtype) => [dropoutCase(dtype)],
  dequantizeCall: (dtype): GraphCase[] => [
    {
      name: 'dequantize (3,8), four codes to a scale',
      feeds: { codes: whole('i32', [3, 8], 36, -8, 8), scales: spread(dtype, [3, 2], 37, 0.5, 2) },
      build: (codes, scales) => [dequantize(codes, scales, 4)],
    },
    {
      name: 'dequantize (2,3,4), a scale and a zero point for each row',
      feeds: {
        codes: whole('i32', [2, 3, 4], 38, 0, 16),
        scales: spread(dtype, [2, 3, 1], 39),
        zeros: whole('i32', [2, 3, 1], 40, 6, 10),
      },
      build: (codes, scales, zeros) => [dequantize(codes, scales, 4, zeros)],
    },
  ],
  dequantizeFourBitCall: fourBitCases,
  expertMatmulCall: (dtype) => [
    {
      name: 'expertMatmul: three blocks of two rows, two of one expert',
      feeds: {
        x: spread(dtype, [3, 2, 4], 41),
        matrices: spread(dtype, [3, 4, 5], 42),
        experts: hostTensor('i32', [3], [2, 0, 2]),
      },
      build: (x, matrices, experts) => [expertMatmul(x, matrices, experts)],
    },
    {
      name: 'expertMatmul: matrices with their axes swapped',
      feeds: {
        x: spread(dtype, [2, 1, 4], 43),
        matrices: spread(dtype, [2, 5, 4], 44),
        experts: hostTensor('i32', [2], [1, 1]),
      },
      build: (x, matrices, experts) => [expertMatmul(x, matrices, experts, { transposed: true })],
    },
  ],
  detachCall: (dtype) => [
    {
      name: 'detach is its input, and a constant of differentiation',
      feeds: { x: spread(dtype, [2, 3], 19) },
      // Central differences would follow it.
      differentiate: [],
      build: (a) => [detach(a), ...core.gradients(core.reduceSum(mul(a, detach(a))), [a])],
    },
  ],
  attentionCall: attentionCases,
  attentionBackwardCall: (dtype) => [attentionBackwardCase(dtype)],
  cachedAttentionCall: (dtype) => [
    cachedCase(dtype, 2, null),
    cachedCase(dtype, 2, 3),
    cachedCase(dtype, 1, null),
    cachedCase(dtype, 1, 3),
    cachedCase(dtype, 2, 3, true),
    cachedCase(dtype, 1, null, true),
  ],
  crossEntropyCall: lossCases,
}

/** Cases of every named call on one float dtype, each call also as another one of its name, and of layers built like them. */
export function namedCallCases(dtype: DType): GraphCase[] {
  return [
    ...(Object.keys(casesOf) as NamedCall[]).flatMap((key) => {
      const cases = casesOf[key](dtype)
      return [...cases, namesake(definitions[key], cases[0] as GraphCase)]
    }),
    { name: 'relu', feeds: { x: spread(dtype, [3, 6], 7) }, build: (a) => [relu(a)] },
    {
      name: 'crossEntropyOfLogits (5,7)',
      feeds: { logits: spread(dtype, [5, 7], 33, -4, 4), ...countedRows(dtype) },
      differentiate: ['logits'],
      build: (logits, t, w) => [crossEntropyOfLogits(logits, t, w)],
    },
  ]
}

/** A case of a call with another definition in its place, of the same name and half its values: a name says nothing about the body. */
function namesake(definition: CallDefinition, graphCase: GraphCase): GraphCase {
  const other: CallDefinition = {
    name: definition.name,
    body: (inputs, attributes) =>
      definition.body(inputs, attributes).map((y) => (core.isFloat(y.dtype) ? mul(y, 0.5) : y)),
  }
  return {
    ...graphCase,
    name: `a call named ${definition.name} with another body`,
    build: (...inputs) =>
      core.rebuild(graphCase.build(...inputs), (node, given) =>
        core.isOp(node, 'call') && node.attrs.definition === definition
          ? core.call(other, given, node.attrs.attributes)
          : undefined,
      ),
  }
}

function attentionCases(dtype: DType): GraphCase[] {
  const of = (
    name: string,
    q: Shape,
    kv: Shape,
    attributes: Partial<AttentionAttributes>,
    given: Partial<Record<'keep' | 'bias' | 'sinks' | 'seed', HostTensor>> = {},
  ): GraphCase => ({
    name: `attention (${q}) to (${kv}), ${name}`,
    feeds: {
      q: spread(dtype, q, 20),
      k: spread(dtype, kv, 21),
      v: spread(dtype, kv, 22),
      ...given,
    },
    build(query, key, value, ...rest) {
      const { seed, ...extras } = Object.fromEntries(Object.keys(given).map((extra, i) => [extra, rest[i] as Tensor]))
      // At this rate the mask, which is f32, is exact in f64 too.
      const dropout = seed === undefined ? undefined : { seed, rate: 0.5, site: 'model.layers.0' }
      const all = { scale: 0.5, causal: false, window: null, ...attributes }
      return [attention(query, key, value, all, { ...extras, dropout })]
    },
  })
  const padding = hostTensor('bool', [2, 5], [1, 1, 1, 1, 1, 1, 1, 0, 0, 0])
  const leftPadding = hostTensor('bool', [2, 5], [1, 1, 1, 1, 1, 0, 0, 1, 1, 1])
  return [
    of('all', [1, 2, 3, 4], [1, 2, 5, 4], {}),
    of('causal', [1, 2, 5, 4], [1, 2, 5, 4], { causal: true }),
    of('causal, two heads share keys', [2, 4, 3, 2], [2, 2, 3, 2], { causal: true }),
    of('causal, padded', [2, 2, 5, 2], [2, 1, 5, 2], { causal: true }, { keep: padding }),
    of('padded', [2, 1, 5, 3], [2, 1, 5, 3], {}, { keep: leftPadding }),
    // The first queries see no key at all: their result is only to be finite and the same everywhere, and it has no gradient.
    {
      ...of('causal, padded on the left', [2, 2, 5, 2], [2, 1, 5, 2], { causal: true }, { keep: leftPadding }),
      differentiate: [],
    },
    of('causal, the last two of five', [1, 1, 2, 3], [1, 1, 5, 3], { causal: true }),
    of('causal, a window of 3', [1, 2, 7, 2], [1, 2, 7, 2], { causal: true, window: 3 }),
    of('one query', [1, 3, 1, 2], [1, 3, 6, 2], { causal: true }),
    of('capped', [1, 2, 3, 4], [1, 1, 3, 4], { causal: true, softCap: 0.8 }),
    of('a bias of each head', [2, 4, 3, 2], [2, 2, 5, 2], {}, { bias: spread(dtype, [1, 4, 3, 5], 28) }),
    of(
      'a bias of each row by key',
      [2, 2, 3, 2],
      [2, 2, 3, 2],
      { causal: true },
      { bias: spread(dtype, [2, 1, 1, 3], 29) },
    ),
    of('sinks', [2, 4, 3, 2], [2, 2, 3, 2], { causal: true }, { sinks: spread(dtype, [4], 35) }),
    of('dropout', [1, 4, 6, 2], [1, 2, 6, 2], { causal: true, window: 3 }, { seed: hostTensor('u32', [], [5]) }),
    of(
      'padded, capped, a bias, sinks and dropout',
      [2, 4, 4, 2],
      [2, 2, 5, 2],
      { causal: true, softCap: 0.8 },
      {
        keep: hostTensor('bool', [2, 5], [1, 1, 1, 1, 1, 1, 0, 1, 1, 1]),
        bias: spread(dtype, [1, 4, 4, 5], 36),
        sinks: spread(dtype, [4], 37),
        seed: hostTensor('u32', [], [5]),
      },
    ),
    {
      ...of(
        'a bias and dropout, more queries than one block',
        [1, 1, 131, 2],
        [1, 1, 131, 2],
        { causal: true },
        { bias: spread(dtype, [1, 1, 131, 131], 38), seed: hostTensor('u32', [], [5]) },
      ),
      differentiate: ['bias'],
    },
    {
      ...of('causal, more queries than one block', [1, 1, 131, 2], [1, 1, 131, 2], { causal: true }),
      differentiate: ['k'],
    },
  ]
}

function attentionBackwardCase(dtype: DType): GraphCase {
  const attributes = { scale: 0.5, causal: true, window: null, extras: [] }
  return {
    name: 'attentionBackward (1,2,3,4), causal',
    feeds: {
      q: spread(dtype, [1, 2, 3, 4], 35),
      k: spread(dtype, [1, 1, 3, 4], 36),
      v: spread(dtype, [1, 1, 3, 4], 37),
      g: spread(dtype, [1, 2, 3, 4], 38),
    },
    differentiate: [],
    build: (q, k, v, g) => {
      const [y, sums] = core.call(attentionCall, [q, k, v], attributes) as readonly [Tensor, Tensor]
      return core.call(attentionBackwardCall, [q, k, v, y, sums, g], attributes)
    },
  }
}

function cachedCase(dtype: DType, tokens: number, window: number | null, scored = false): GraphCase {
  return {
    name: [
      `cachedAttention of ${tokens} tokens after 4 of 6 slots`,
      ...(window === null ? [] : [`a window of ${window}`]),
      ...(scored ? ['capped, a bias and sinks'] : []),
    ].join(', '),
    feeds: {
      q: spread(dtype, [2, 4, tokens, 3], 23),
      cachedK: spread(dtype, [2, 2, 6, 3], 24),
      cachedV: spread(dtype, [2, 2, 6, 3], 25),
      newK: spread(dtype, [2, 2, tokens, 3], 26),
      newV: spread(dtype, [2, 2, tokens, 3], 27),
      filled: hostTensor('i32', [], [4]),
      keep: hostTensor('bool', [2, 6], [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]),
      ...(scored ? { bias: spread(dtype, [1, 4, tokens, 6 + tokens], 39), sinks: spread(dtype, [4], 40) } : {}),
    },
    // Decoding does not train.
    differentiate: [],
    build(...inputs) {
      const [bias, sinks] = inputs.slice(7)
      const scoring = { scale: 0.7, window, ...(scored ? { softCap: 0.8 } : {}) }
      return [
        cachedAttention(inputs.slice(0, 7) as unknown as Parameters<typeof cachedAttention>[0], scoring, {
          bias,
          sinks,
        }),
      ]
    },
  }
}

function countedRows(dtype: DType) {
  return { targets: hostTensor('i32', [5], [0, 6, 3, 3, 1]), weights: hostTensor(dtype, [5], [1, 0, 2, 0.5, 1]) }
}

function lossCases(dtype: DType): GraphCase[] {
  const of = (block: number, { softCap, labelSmoothing }: Partial<CrossEntropyAttributes> = {}): GraphCase => ({
    name: `crossEntropy of 5 rows, 7 classes, ${block} rows at a time${softCap === undefined ? '' : `, capped at ${softCap}`}${labelSmoothing === undefined ? '' : `, ${labelSmoothing} smoothed`}`,
    feeds: { hidden: spread(dtype, [5, 3], 30), weight: spread(dtype, [7, 3], 31), ...countedRows(dtype) },
    differentiate: ['hidden', 'weight'],
    build: (hidden, weight, t, w) => [
      crossEntropy(hidden, weight, t, w, {
        block,
        ...(softCap === undefined ? {} : { softCap }),
        ...(labelSmoothing === undefined ? {} : { labelSmoothing }),
      }),
    ],
  })
  return [
    of(256),
    of(2),
    of(2, { softCap: 0.7 }),
    of(2, { labelSmoothing: 0.3 }),
    of(2, { softCap: 0.7, labelSmoothing: 0.3 }),
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
