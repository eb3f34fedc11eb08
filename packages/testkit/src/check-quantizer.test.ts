/** Right quantizers pass the suite of quantizers, and wrong ones do not. */
import { type Backend, hostTensor, type Quantizer, reference } from '@espalier/core'
import { describe, expect, it, test } from 'vitest'
import { failuresOf } from './check.js'
import { checkQuantizer, quantizerChecks } from './check-quantizer.js'
import { type Faults, rowScaled } from './quantizer/row-scaled.fake.js'

describe('whole numbers with a scale for each row', () =>
  checkQuantizer(rowScaled(), { test, backends: { 'another executor': () => reference() } }))

/** Names and errors of what fails for the linear layer. */
async function failed(faults: Faults): Promise<string> {
  const sites = { linear: { kind: 'linear', shape: [48, 64] } } as const
  const failures = await failuresOf(quantizerChecks(rowScaled(faults), { sites }))
  return failures.map(({ name, error }) => `${name}: ${String(error)}`).join('\n')
}

describe('checkQuantizer', () => {
  it('passes what is right', async () => expect(await failed({})).toBe(''))

  it.each<readonly [string, Faults, RegExp]>([
    ['a scale that is off by one in a hundred', { scale: 1.01 }, /further from the one that was packed/],
    ['a bound that is too narrow', { bound: 1e-9 }, /further from the one that was packed/],
    ['a bound that says nothing', { bound: 10 }, /wider than the weight/],
    ['another dtype than the model’s', { ignoresDType: true }, /another dtype than its model/],
    ['values that are not finite and pass', { packsAnything: true }, /NaN.*no typed error that names it/],
    ['codes of another rule', { encodesWithoutScales: true }, /further from the one that was packed/],
    ['a checkpoint that it cannot read', { forgetsScales: true }, /does not read what it packed/],
    ['a layer that stays in floats and is packed', { packsAll: true }, /packed that stays in floats/],
  ])('finds %s', async (_, faults, message) => expect(await failed(faults)).toMatch(message))

  it('finds a backend that decodes otherwise', async () => {
    const sites = { linear: { kind: 'linear', shape: [48, 64] } } as const
    const backends = { 'a wrong one': () => offByOne(reference()) }
    const failures = await failuresOf(quantizerChecks(rowScaled(), { sites, backends }))
    expect(failures.map(({ name }) => name)).toEqual([expect.stringContaining('decodes on a wrong one')])
  })

  it('refuses a quantizer that packs nothing', async () => {
    const reader: Quantizer = { method: 'row_scaled', weights: () => undefined }
    const failures = await failuresOf(quantizerChecks(reader))
    expect(failures[0]?.error).toMatchObject({ code: 'testkit.options' })
  })
})

/** The backend with 1 added to every result. */
function offByOne(backend: Backend): Backend {
  return {
    ...backend,
    loadWeights: (sources) => backend.loadWeights(sources),
    close: () => backend.close(),
    async compile(program, options) {
      const executable = await backend.compile(program, options)
      const run: typeof executable.run = async (given) => {
        const outputs = Object.entries(await executable.run(given))
        return Object.fromEntries(
          outputs.map(([name, { dtype, shape, data }]) => [
            name,
            hostTensor(
              dtype,
              shape,
              Array.from(data, (x) => x + 1),
            ),
          ]),
        )
      }
      return { ...executable, run, release: () => executable.release() }
    },
  }
}
