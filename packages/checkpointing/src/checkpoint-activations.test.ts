import {
  feed,
  gradients,
  learnedParameters,
  type Model,
  mul,
  type Program,
  passOf,
  peakMemory,
  programRoots,
  reduceSum,
  type Tensor,
  withRoots,
} from '@espalier/core'
import { tinyBase } from '@espalier/core/adapted/tiny-model.fake.js'
import { describe, expect, it } from 'vitest'
import { type CheckpointingOptions, checkpointActivations, multiplyAdds } from './index.js'

const TOKENS = 64

type Given = CheckpointingOptions | readonly CheckpointingOptions[]

/** Loss and gradients of a model of so many layers; of its parameters from layer `from` on. */
function programOf(layers: number, options?: Given, from = 0): Program {
  const { model } = tinyBase({ layers })
  const { ids, context } = passOf({ input_ids: feed('input_ids', 'i32', [1, TOKENS]) }, true)
  const logits = model.forward(ids, context)
  const loss = reduceSum(mul(logits, logits))
  const isFrozen = (path: string) => from > 0 && !(Number(/layers\.(\d+)/.exec(path)?.[1]) >= from)
  const values = [...learnedParameters(model)].flatMap(([path, { value }]) => (isFrozen(path) ? [] : [value]))
  const found = gradients(loss, values)
  const program: Program = { name: 'step', outputs: { loss, ...Object.fromEntries(found.map((g, i) => [`g${i}`, g])) } }
  return options === undefined ? program : rewritten(program, model, options)
}

function rewritten(program: Program, model: Model, options: Given): Program {
  return withRoots(program, checkpointActivations(options)(programRoots(program), { model }))
}

const bytesOf = (program: Program) => peakMemory(programRoots(program)).intermediates
const costOf = (program: Program) => multiplyAdds(programRoots(program))

describe('checkpointed activations', () => {
  const [SIZE, ROWS] = [4, 6]
  const product = TOKENS * SIZE * SIZE
  const head = TOKENS * SIZE * ROWS

  it('cost the products of a layer but its last, whose result nobody reads, once more', () => {
    for (const layers of [1, 2, 5]) {
      const plain = costOf(programOf(layers))
      expect(plain).toBe(3 * (layers * 2 * product + head))
      expect(costOf(programOf(layers, {})) - plain).toBe(layers * product)
    }
  })

  it('grow by one value a layer, where all kept activations grow by all of them', () => {
    const growth = (options?: CheckpointingOptions) => bytesOf(programOf(24, options)) - bytesOf(programOf(12, options))
    const value = TOKENS * SIZE * 4
    expect(growth({})).toBe(12 * value)
    expect(growth({ every: 2 })).toBe(6 * value)
    expect(growth()).toBeGreaterThan(12 * 3 * value)
  })

  it('of some layers leave the others as they are', () => {
    const costs = [0, 1, 2, 3, 9].map((layers) => costOf(programOf(3, { layers })) - costOf(programOf(3)))
    expect(costs).toEqual([0, 1, 2, 3, 3].map((layers) => layers * product))
  })

  it('are made again of layers that gradients reach, and counted from those on', () => {
    const extra = (options: CheckpointingOptions, from: number) =>
      costOf(programOf(4, options, from)) - costOf(programOf(4, undefined, from))
    expect(extra({}, 1)).toBe(3 * product)
    expect(extra({ layers: 1 }, 2)).toBe(product)
    expect(extra({ every: 2 }, 2)).toBe(3 * product)
    expect(extra({ every: 3 }, 1)).toBe(5 * product)
    expect(extra({ every: 4 }, 3)).toBe(product)
  })

  it('of layers by their paths leave the others as they are', () => {
    const extra = (options: CheckpointingOptions) => costOf(programOf(4, options)) - costOf(programOf(4))
    expect(extra({ layers: String.raw`.*layers\.[023]` })).toBe(3 * product)
    expect(extra({ layers: ['layers.1'] })).toBe(product)
    expect(extra({ layers: String.raw`.*layers\.[023]`, every: 2 })).toBe(4 * product) // 1 is kept, so 0 stands alone
    expect(() => programOf(2, { layers: ['layers.7'] })).toThrow(expect.objectContaining({ code: 'config.value' }))
  })

  it('of several kinds take their layers in turn', () => {
    const options = [{ layers: 1 }, { layers: 2, every: 2 }, { layers: ['layers.4'] }]
    const extra = (given: Given) => costOf(programOf(5, given)) - costOf(programOf(5))
    expect(extra(options)).toBe(5 * product)
    expect(extra(options.slice(0, 2))).toBe(4 * product)
    expect(extra([])).toBe(0)
  })

  it('leave a graph without layers as it is', () => {
    const x = feed('x', 'f32', [2])
    const roots: Tensor[] = [reduceSum(x)]
    expect(checkpointActivations()(roots, { model: tinyBase().model })).toEqual(roots)
  })

  it.each([{ every: 0 }, { every: 1.5 }, { layers: -1 }, { every: Number.NaN }])('refuse %o', (options) => {
    expect(() => checkpointActivations(options)).toThrow(expect.objectContaining({ code: 'config.value' }))
  })

  it('refuse options that do not exist', () => {
    const options = { layer: 2 } as CheckpointingOptions
    expect(() => checkpointActivations(options)).toThrow(expect.objectContaining({ code: 'config.unknown' }))
  })
})
