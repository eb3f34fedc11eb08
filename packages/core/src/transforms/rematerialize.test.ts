/** Decoded weights live for one use, and the values stay. */
import { expectClose } from '@espalier/testkit'
import { describe, expect, it } from 'vitest'
import { gradients } from '../autodiff/gradients.js'
import type { WeightRequest } from '../backend/backend.js'
import { reference } from '../backend/reference.js'
import { hostTensor } from '../dtype.js'
import { add, mul } from '../graph/ops/binary.js'
import { cast } from '../graph/ops/cast.js'
import { feed, input } from '../graph/ops/input.js'
import { matmul } from '../graph/ops/matmul.js'
import { transpose } from '../graph/ops/permute.js'
import { reduceSum } from '../graph/ops/reduce.js'
import { sigmoid, tanh } from '../graph/ops/unary.js'
import { isOp, type Tensor, topologicalOrder } from '../graph/tensor.js'
import { verifyGraph } from '../graph/verify.js'
import { memorySource } from '../module/scope.js'
import { dequantize } from '../nn/dequantize.js'
import { Random } from '../random.js'
import { inlineCalls } from './inline.js'
import { peakMemory } from './peak-memory.js'
import { rematerialize } from './rematerialize.js'
import { simplify } from './simplify.js'

const [LAYERS, SIZE, ROWS] = [6, 64, 4]
const MATRIX = SIZE * SIZE * 4 // bytes

type Decode = (layer: number) => Tensor

const codes = (layer: number, dtype: 'i8' | 'bf16' = 'i8') => input('weight', `codes${layer}`, dtype, [SIZE, SIZE])
const scales = (layer: number) => input('weight', `scales${layer}`, 'f32', [SIZE, 1])

const called: Decode = (layer) => dequantize(codes(layer), scales(layer), SIZE)
const widened: Decode = (layer) => cast(codes(layer, 'bf16'), 'f32')
const turned: Decode = (layer) => transpose(mul(transpose(scales(layer)), transpose(cast(codes(layer), 'f32'))))

/** The loss of a stack of layers and its gradients by what each layer trains. */
function stack(decode: Decode): Tensor[] {
  const trained = Array.from({ length: LAYERS }, (_, layer) => input('state', `scale${layer}`, 'f32', [SIZE]))
  let x: Tensor = feed('x', 'f32', [ROWS, SIZE])
  trained.forEach((scale, layer) => {
    const y = matmul(mul(x, scale), decode(layer), { transposeB: true })
    x = add(x, mul(sigmoid(y), tanh(y)))
  })
  const loss = reduceSum(mul(x, x))
  return [loss, ...gradients(loss, trained)]
}

const barriers = (roots: readonly Tensor[]) => topologicalOrder(roots).filter((node) => isOp(node, 'barrier'))

describe('rematerialize', () => {
  for (const [name, decode] of Object.entries({ called, widened, turned })) {
    it(`keeps one decoded weight at a time, not one for each layer (${name})`, () => {
      const roots = stack(decode)
      const [before, after] = [peakMemory(roots), peakMemory(rematerialize(roots))]
      expect(before.intermediates).toBeGreaterThan(LAYERS * MATRIX)
      expect(after.intermediates).toBeLessThan(before.intermediates - (LAYERS - 3) * MATRIX)
      expect([after.weights, after.state]).toEqual([before.weights, before.state])
    })
  }

  it('decodes again only where other weights were decoded since, and nothing merges it back', () => {
    // The topmost weight is at hand when the backward begins.
    const roots = rematerialize(stack(called))
    expect(barriers(roots)).toHaveLength(LAYERS - 1)
    const clean = simplify(inlineCalls(roots))
    expect(barriers(clean)).toHaveLength(LAYERS - 1)
    const casts = topologicalOrder(clean).filter((node) => isOp(node, 'cast'))
    expect(casts).toHaveLength(LAYERS + LAYERS - 1)
  })

  it('waits for the activation that the weight meets', () => {
    const roots = rematerialize(stack(called))
    for (const node of barriers(roots)) {
      const [again, activation] = node.inputs as readonly [Tensor, Tensor]
      expect(isOp(again.node, 'input') && again.node.attrs.name).toMatch(/^codes/)
      const products = topologicalOrder(roots).filter((one) => isOp(one, 'matmul') && one.inputs[0] === activation)
      expect(products.some((one) => topologicalOrder(one.inputs.slice(1)).includes(node))).toBe(true)
    }
  })

  it('keeps the values, bit for bit', async () => {
    for (const decode of [called, turned]) {
      const roots = stack(decode)
      const changed = rematerialize(roots)
      verifyGraph(changed)
      const [want, got] = [await run(roots), await run(changed)]
      for (const [key, tensor] of Object.entries(want)) expectClose(got[key], tensor, { relative: 0, absolute: 0 }, key)
    }
  })

  it('leaves a graph alone that reads its weights as they lie, moved, or decoded once', () => {
    const plain: Decode = (layer) => input('weight', `w${layer}`, 'f32', [SIZE, SIZE])
    for (const decode of [plain, (layer: number) => transpose(plain(layer))]) {
      const roots = stack(decode)
      expect(rematerialize(roots)).toEqual(roots)
    }
    const [loss] = stack(called)
    expect(rematerialize([loss as Tensor])[0]).toBe(loss)
  })

  it('does not repeat what is small', () => {
    const row: Decode = (layer) => add(input('weight', `w${layer}`, 'f32', [SIZE]), 1)
    const trained = Array.from({ length: LAYERS }, (_, layer) => input('state', `scale${layer}`, 'f32', [SIZE]))
    const x = trained.reduce(
      (y, scale, layer) => tanh(mul(mul(y, scale), row(layer))),
      feed('x', 'f32', [SIZE]) as Tensor,
    )
    const roots = gradients(reduceSum(x), trained)
    expect(rematerialize(roots)).toEqual(roots)
  })
})

async function run(roots: readonly Tensor[]) {
  const backend = reference()
  const random = new Random(3)
  const requests = Array.from({ length: LAYERS }, (_, layer): [string, WeightRequest][] => {
    const values = random
      .at(`codes${layer}`)
      .uniform(SIZE * SIZE, 100)
      .map(Math.round)
    const rows = random.at(`scales${layer}`).uniform(SIZE, 1e-3)
    return [
      [`codes${layer}`, { source: memorySource(hostTensor('i8', [SIZE, SIZE], values)), dtype: 'i8' }],
      [`scales${layer}`, { source: memorySource(hostTensor('f32', [SIZE, 1], rows)), dtype: 'f32' }],
    ]
  })
  const weights = await backend.loadWeights(new Map(requests.flat()))
  const scale = random.uniform(SIZE, 1)
  const state = await backend.createState(
    new Map(Array.from({ length: LAYERS }, (_, layer) => [`scale${layer}`, hostTensor('f32', [SIZE], scale)])),
  )
  const outputs = Object.fromEntries(roots.map((x, i) => [String(i), x]))
  const executable = await backend.compile({ name: 'stack', outputs }, { weights })
  const x = hostTensor('f32', [ROWS, SIZE], random.at('x').uniform(ROWS * SIZE, 1))
  return executable.run({ feeds: { x }, state: [{ set: state }] })
}
