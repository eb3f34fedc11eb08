/** The reference executor passes the suite that judges backends, and wrong backends do not. */
import { type DType, peakMemory, programRoots, reference } from '@espalier/core'
import { describe, expect, it, test } from 'vitest'
import type { MeasurePeak } from './backend/barriers.js'
import { failuresOf } from './check.js'
import { backendChecks, checkBackend } from './check-backend.js'
import { type Fault, wrongBackend } from './wrong-backend.js'

const dtypes = ['f32', 'f16', 'f64'] as const

// The reference executor measures nothing: what its programs need by core's count.
const peakBytes: MeasurePeak = ({ program, byteLength }) =>
  byteLength || peakMemory(programRoots(program)).intermediates

describe('reference', () => checkBackend(() => reference(), { test, dtypes, peakBytes }))
describe('reference in float64', () => checkBackend(() => reference({ precision: 'f64' }), { test, dtypes }))

describe('checkBackend', () => {
  const numbers = /^f32 (?!movement)(?!.*131)/
  // Where each fault is looked for, and which of the cases there it must fail.
  const faults: Readonly<Record<Fault, readonly [among: RegExp, ...suspects: RegExp[]]>> = {
    transpose: [numbers, /matmul|attention/],
    scale: [numbers, /reduce|softmax|rmsNorm/],
    mask: [numbers, /select|attention/],
    kernel: [numbers, /exp|softmax/],
    gradient: [numbers, /add|matmul|softmax/],
    name: [numbers, /a call named silu with another body/],
    index: [/^(f32 movement|indices)/, /gatherRows refuses/],
    nan: [numbers, /keep NaN/],
    integer: [/^whole numbers/, /above 2\^24/],
    infinity: [/^f32 movement/, /topK beside infinities/],
    order: [/^(barrier|f32 movement)/, /gatherRows runs before/, /gatherAlong runs before/, /need not be held/],
  }
  for (const [fault, [among, ...suspects]] of Object.entries(faults)) {
    it(`fails a backend with a wrong ${fault}, and names the cases`, async () => {
      const checks = backendChecks(() => wrongBackend(fault as Fault), { dtypes, peakBytes }).filter(({ name }) =>
        among.test(name),
      )
      const failures = await failuresOf(checks)
      expect(failures.length).toBeGreaterThan(0)
      expect(failures.length).toBeLessThan(checks.length)
      for (const { name, error } of failures) expect(error, name).toMatchObject({ code: 'testkit.difference' })
      for (const suspect of suspects)
        expect(
          failures.some(({ name }) => suspect.test(name)),
          String(suspect),
        ).toBe(true)
    })
  }

  it.each<[string, readonly DType[]]>([
    ['computes in more floats than are checked', ['f32', 'f16', 'i32', 'u32', 'bool']],
    ['computes in fewer', ['i32', 'u32', 'bool']],
    ['lacks a dtype that every program may use', ['f32', 'i32', 'bool']],
    ['stores what is not checked', ['f32', 'i32', 'u32', 'bool', 'i8']],
  ])('fails a backend that %s', async (_, listed) => {
    const [listing] = backendChecks(() => Object.assign(reference(), { dtypes: new Set(listed) }), {
      storage: ['f16', 'u8'],
    })
    expect(await failuresOf(listing === undefined ? [] : [listing])).toHaveLength(1)
  })

  it('fails a backend whose updates are lost, whose feeds are unchecked, or that lives on after close', async () => {
    const right = reference()
    const careless = () => ({
      ...wrongBackend('kernel'),
      compile: async (program: Parameters<typeof right.compile>[0]) => {
        const executable = await right.compile({ ...program, updates: {} })
        const run: typeof executable.run = async (given) => executable.run(given).catch(() => ({}))
        return { program, byteLength: 0, run, release: () => undefined }
      },
    })
    const failed = (
      await failuresOf(
        backendChecks(careless, { dtypes }).filter(({ name }) => /^(program|state|weights|lifecycle)/.test(name)),
      )
    )
      .map(({ name }) => name)
      .join('\n')
    expect(failed).toContain('state: an update replaces a tensor')
    expect(failed).toContain('program: wrong feeds are refused')
    expect(failed).toContain('lifecycle: a closed backend refuses use')
    expect(failed).toContain('lifecycle: a released executable')
  })

  it('skips cases with a reason, and refuses a skip that names none', () => {
    const names: string[] = []
    const skipped: string[] = []
    const runner = Object.assign((name: string) => names.push(name), { skip: (name: string) => skipped.push(name) })
    checkBackend(() => reference(), { test: runner, skip: [{ reason: 'no erf', cases: [/: erf/] }] })
    expect(skipped).toEqual(['f32 element-wise: erf (3,5) (not run: no erf)'])
    expect(names.length).toBeGreaterThan(200)
    const stale = { test: runner, skip: [{ reason: 'old', cases: ['no such case'] }] }
    expect(() => checkBackend(() => reference(), stale)).toThrow('a skip names no case')
  })

  it('has no two checks of one name', () => {
    const names = backendChecks(() => reference(), { dtypes }).map(({ name }) => name)
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([])
  })
})
