/** Transforms keep values, and do what they are for. */
import { EXACT, expectClose, randomGraph } from '@espalier/testkit'
import { describe, expect, it } from 'vitest'
import { gradients } from '../autodiff/gradients.js'
import { reference } from '../backend/reference.js'
import { hostTensor } from '../dtype.js'
import { barrier } from '../graph/ops/barrier.js'
import { add, div, mul, sub } from '../graph/ops/binary.js'
import { type CallDefinition, call } from '../graph/ops/call.js'
import { cast } from '../graph/ops/cast.js'
import { constant, constantTensor, filledWith } from '../graph/ops/constant.js'
import { feed } from '../graph/ops/input.js'
import { matmul } from '../graph/ops/matmul.js'
import { pad } from '../graph/ops/pad.js'
import { permute, transpose } from '../graph/ops/permute.js'
import { reduceSum } from '../graph/ops/reduce.js'
import { reshape } from '../graph/ops/reshape.js'
import { exp, neg, reciprocal, sin } from '../graph/ops/unary.js'
import { printGraph } from '../graph/print.js'
import { type Rewrite, rebuild } from '../graph/rebuild.js'
import { isOp, type Tensor, topologicalOrder } from '../graph/tensor.js'
import { verifyGraph } from '../graph/verify.js'
import { gelu } from '../nn/activations.js'
import { deduplicate } from './deduplicate.js'
import { inlineCalls } from './inline.js'
import { simplify } from './simplify.js'

const x = feed('x', 'f32', [2, 3])
const only = (root: Tensor, transform: (roots: readonly Tensor[]) => Tensor[] = simplify) =>
  transform([root])[0] as Tensor
const count = (roots: readonly Tensor[]) => topologicalOrder(roots).length

describe('every transform', () => {
  const transforms = {
    simplify,
    deduplicate,
    inlineCalls: (roots: readonly Tensor[]) => inlineCalls(roots),
    'simplify after inlining': (roots: readonly Tensor[]) => simplify(inlineCalls(roots)),
    'simplify twice': (roots: readonly Tensor[]) => simplify(simplify(roots)),
  }
  async function compare(transform: (roots: readonly Tensor[]) => Tensor[]) {
    const backend = reference()
    for (let seed = 0; seed < 60; seed++) {
      const { roots, feeds } = randomGraph(seed, 60)
      const changed = transform(roots)
      verifyGraph(changed)
      // Every feed is an output too, so that both programs have the same slots.
      const specs = Object.entries(feeds)
      const keep = Object.fromEntries(specs.map(([key, { dtype, shape }]) => [`keep ${key}`, feed(key, dtype, shape)]))
      const run = async (list: readonly Tensor[]) => {
        const outputs = { ...Object.fromEntries(list.map((y, i) => [String(i), y])), ...keep }
        return (await backend.compile({ name: 'random', outputs })).run({ feeds })
      }
      const [want, got] = [await run(roots), await run(changed)]
      for (const [key, tensor] of Object.entries(want))
        expectClose(got[key], tensor, EXACT, `seed ${seed}, output ${key}`)
    }
  }

  for (const [name, transform] of Object.entries(transforms)) {
    it(`${name} keeps the values and specs of 60 random graphs, bit for bit`, () => compare(transform))
  }

  it('that were wrong would be noticed', async () => {
    const wrong: Readonly<Record<string, Rewrite>> = {
      'the sides of a minimum lost': (node, [a]) =>
        isOp(node, 'binary') && node.attrs.fn === 'min' && a !== undefined ? [a] : undefined,
      'a product of the other sign': (node, [a, b]) =>
        isOp(node, 'matmul') && a !== undefined && b !== undefined ? [matmul(neg(a), b, node.attrs)] : undefined,
      'a pad of another value': (node, [a]) =>
        isOp(node, 'pad') && a !== undefined ? [pad(a, node.attrs.before, node.attrs.after, 0)] : undefined,
    }
    for (const [name, rewrite] of Object.entries(wrong)) {
      const result = compare((roots) => rebuild(roots, rewrite))
      await expect(result, name).rejects.toMatchObject({ code: 'testkit.difference' })
    }
  })

  it('makes no graph larger by simplifying', () => {
    for (let seed = 0; seed < 60; seed++) {
      const { roots } = randomGraph(seed, 60)
      expect(count(simplify(roots)), `seed ${seed}`).toBeLessThanOrEqual(count(deduplicate(roots)) + 6)
    }
  })
})

describe('simplify', () => {
  it('drops identities', () => {
    for (const y of [
      add(x, 0),
      add(0, x),
      sub(x, 0),
      mul(x, 1),
      mul(1, x),
      div(x, 1),
      neg(neg(x)),
      add(x, constant(0, 'f32', [2, 3])),
      transpose(transpose(x)),
      reshape(reshape(x, [6]), [2, 3]),
    ]) {
      expect(only(y), printGraph([y])).toBe(x)
    }
  })

  it('keeps an identity that broadcasts', () => {
    const row = feed('row', 'f32', [3])
    const y = add(row, constant(0, 'f32', [2, 3]))
    expect(only(y).shape).toEqual([2, 3])
    expect(only(mul(row, constant(1, 'f32', [1, 3]))).shape).toEqual([1, 3])
  })

  it('folds float constants as float32 would compute them', async () => {
    const sum = exp(mul(add(constant(0.1), 0.2), 3))
    const folded = only(sum)
    expect(folded.node.op).toBe('constant')
    const { y } = await (await reference().compile({ name: 'sum', outputs: { y: sum } })).run({})
    expect(Math.fround(filledWith(folded) as number)).toBe(y?.data[0])
  })

  it('folds a cast of a constant as the dtype holds it', () => {
    expect(filledWith(only(cast(constant(2.75, 'i32'), 'f32')))).toBe(2)
    expect(filledWith(only(cast(constant(-1, 'u32'), 'f32')))).toBe(4294967295)
    expect(filledWith(only(cast(constant(1 + 2 ** -11 + 2 ** -20, 'f16'), 'f32')))).toBe(1 + 2 ** -10)
  })

  it('drops a cast to a wider dtype and back, and keeps one to a narrower dtype and back', () => {
    const half = feed('h', 'f16', [2])
    expect(only(cast(cast(half, 'f32'), 'f16'))).toBe(half)
    expect(only(cast(cast(feed('b', 'bf16', [2]), 'f16'), 'bf16')).node.op).toBe('cast')
    expect(count([only(cast(cast(x, 'f16'), 'f32'))])).toBe(3)
  })

  it('moves transposes into products and turns moves of ones into reshapes', () => {
    const w = feed('w', 'f32', [4, 3])
    expect(printGraph([only(matmul(x, transpose(w)))])).toContain('transposeB=true')
    expect(count([only(matmul(x, transpose(w)))])).toBe(3)
    expect(only(permute(reshape(x, [1, 2, 3]), [1, 0, 2])).node.inputs[0]).toBe(x)
  })

  it('lets dead code go', () => {
    const y = mul(x, 1)
    sin(exp(y))
    expect(count(simplify([y]))).toBe(1)
  })
})

describe('deduplicate', () => {
  it('merges equal nodes, inputs of one name, and keeps what differs', () => {
    const build = (name: string) => add(sin(feed(name, 'f32', [2])), constant(3))
    const [a, b, c] = deduplicate([build('a'), build('a'), build('b')])
    expect(a).toBe(b)
    expect(a).not.toBe(c)
  })

  it('never merges barriers, nor what is computed from them', () => {
    const again = () => exp(barrier([sin(x)], [x])[0] as Tensor)
    const [a, b] = deduplicate([again(), again()])
    expect(a).not.toBe(b)
    expect(topologicalOrder([a as Tensor, b as Tensor]).filter(({ op }) => op === 'barrier')).toHaveLength(2)
    // Before the barrier the two are one.
    expect(
      topologicalOrder([a as Tensor, b as Tensor]).filter(
        (node) => printGraph(node.outputs).includes('fn=sin') && node.op === 'unary',
      ),
    ).toHaveLength(3)
  })

  it('tells 0 from -0, f32 from i32, and long constants that differ in one value', () => {
    const differs = (a: Tensor, b: Tensor) => {
      const [p, q] = deduplicate([a, b])
      expect(p).not.toBe(q)
    }
    differs(reciprocal(constant(0)), reciprocal(constant(-0)))
    differs(
      reciprocal(constantTensor(hostTensor('f32', [1], [0]))),
      reciprocal(constantTensor(hostTensor('f32', [1], [-0]))),
    )
    differs(constant(1), constant(1, 'i32'))
    const long = (last: number) =>
      constantTensor(
        hostTensor(
          'f32',
          [100],
          Array.from({ length: 100 }, (_, i) => (i === 99 ? last : i)),
        ),
      )
    differs(long(1), long(2))
    const [p, q] = deduplicate([long(1), long(1)])
    expect(p).toBe(q)
  })

  it('tells calls of two definitions of one name apart', () => {
    const times = (factor: number): CallDefinition => ({ name: 'times', body: ([y]) => [mul(y as Tensor, factor)] })
    const [two, three] = [times(2), times(3)]
    const [a, b, c] = deduplicate([
      call(two, [x], {})[0] as Tensor,
      call(three, [x], {})[0] as Tensor,
      call(two, [x], {})[0] as Tensor,
    ])
    expect(a).not.toBe(b)
    expect(a).toBe(c)
  })

  it('shares the forward between a loss and its gradient', () => {
    const loss = () => reduceSum(exp(sin(x)))
    const [y] = [loss()]
    const roots = [loss(), ...gradients(y, [x])]
    expect(count(deduplicate(roots))).toBeLessThan(count(roots))
  })
})

describe('inlineCalls', () => {
  it('keeps the calls that a backend runs itself', () => {
    const roots = [gelu(sin(x))]
    expect(inlineCalls(roots, () => true)[0]).toBe(roots[0])
    expect(topologicalOrder(inlineCalls(roots)).some(({ op }) => op === 'call')).toBe(false)
  })
})
