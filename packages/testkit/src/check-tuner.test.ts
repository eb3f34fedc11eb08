/** Right tuners pass the suite of tuners, and wrong ones do not. */
import { type LayerTuner, mul, Random, type Tensor } from '@espalier/core'
import { describe, expect, it, test } from 'vitest'
import { failuresOf } from './check.js'
import { checkTuner, tunerChecks } from './check-tuner.js'
import { lowRank, rescale, wrongPullback } from './tuner/small-tuners.js'

describe('a low-rank update', () =>
  checkTuner(lowRank, {
    test,
    variants: {
      default: { config: {} },
      'rank 3': { config: { rank: 3 } },
      'a module saved in full': { config: { modulesToSave: ['lm_head'] } },
      loud: { config: { loud: true }, startsAsIdentity: false },
    },
  }))
describe('a rescaling without merge', () =>
  checkTuner(rescale, { test, variants: { default: { config: {}, drawsInitialValues: false } } }))

/** What fails of the checks whose names `only` finds. */
async function failed(tuner: LayerTuner, only: RegExp, variant: object = {}): Promise<string> {
  const checks = tunerChecks(tuner, { variants: { default: { config: {}, ...variant } } })
  const failures = await failuresOf(checks.filter(({ name }) => only.test(name)))
  return failures.map(({ name, error }) => `${name}: ${String(error)}`).join('\n')
}

describe('checkTuner', () => {
  const right = lowRank as LayerTuner

  it('finds an adapter that changes the output at the start, and one that should but does not', async () => {
    expect(await failed(right, /new adapter/, { config: { loud: true } })).toContain('a new adapter changes nothing')
    expect(await failed(right, /new adapter/, { startsAsIdentity: false })).toContain(
      'a new adapter changes the output at once',
    )
  })

  it('finds a merge off by 1e-3 of the weight, and one with another scale or transposed', async () => {
    const off: LayerTuner = { ...right, merge: (given) => mul(right.merge?.(given) as Tensor, 1.001) }
    expect(await failed(off, /merge/)).toContain('forward and merge give the same output')
    const scaled: LayerTuner = {
      ...right,
      merge: (given) =>
        right.merge?.({ ...given, state: { ...given.state, scale: mul(given.state.scale as Tensor, 2) } }) as Tensor,
    }
    expect(await failed(scaled, /merge/)).toContain('forward and merge give the same output')
  })

  it('finds a gradient that is off by 10 %', async () => {
    const report = await failed(wrongPullback, /gradients|merge/)
    expect(report).toContain('gradients agree with central differences')
    expect(report).not.toContain('forward and merge give')
  })

  it('finds a tensor that trains without effect', async () => {
    const idle: LayerTuner = {
      ...right,
      forward: (given) =>
        right.forward?.({ ...given, state: { ...given.state, b: mul(given.state.b as Tensor, 0) } }) as Tensor,
    }
    expect(await failed(idle, /gradient reaches/)).toContain('a gradient reaches every tensor')
  })

  it('finds two tensors of one file name, and a configuration that forgets a field', async () => {
    const clash: LayerTuner = { ...right, fileKeys: { a: 'same.weight', b: 'same.weight' } }
    expect(await failed(clash, /name of its own/)).not.toBe('')
    expect(await failed({ ...right, parse: counting(right) }, /loaded/)).toContain(
      'give the same output when loaded under another name',
    )
  })

  it('finds a tuner that ignores its seed', async () => {
    const random = new Random(1)
    const deaf: LayerTuner = { ...right, create: (given) => right.create({ ...given, random }) }
    expect(await failed(deaf, /seed/)).toContain('another seed gave the same values')
    expect(await failed(right, /seed/, { drawsInitialValues: false })).toContain('a seed decides the initial values')
  })

  it('finds values in the graph instead of in state', async () => {
    let count = 0
    const baked: LayerTuner = {
      ...right,
      forward: (given) => mul(right.forward?.(given) as Tensor, 1 + ++count * 1e-9),
    }
    expect(await failed(baked, /program/)).toContain('share their program')
  })
})

/** A parser whose result depends on how often it was called. */
function counting(right: LayerTuner): LayerTuner['parse'] {
  let calls = 0
  return (raw) => ({ ...(right.parse(raw) as object), rank: 1 + (calls++ % 2) })
}
