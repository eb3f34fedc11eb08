/** The conformance suite of backends: everything that core and the models rely on, against the reference executor. */
import { type Backend, type DType, reference } from '@espalier/core'
import { barrierChecks, type MeasurePeak } from './backend/barriers.js'
import { indexChecks } from './backend/indices.js'
import { lifecycleChecks } from './backend/lifecycle.js'
import { modelChecks } from './backend/model.js'
import { parityChecks } from './backend/parity.js'
import { programChecks } from './backend/programs.js'
import { stateChecks } from './backend/state.js'
import { weightChecks } from './backend/weights.js'
import { type Check, expectThat, register, type Skip, type TestFunction } from './check.js'

/** What a suite is told about a backend. */
export interface BackendCheckOptions {
  /** Float dtypes that every op is checked in: all that the backend lists. Default f32. */
  readonly dtypes?: readonly ('f32' | 'f16' | 'f64')[]
  /** Dtypes that are checked as storage, weights and casts: all of them that the backend lists. Default f16, bf16, u8 and i8. */
  readonly storage?: readonly DType[]
  /** Overrides how near results must be, by dtype: see `parity.ts` for the defaults. */
  readonly relative?: Partial<Record<'f32' | 'f16' | 'f64', number>>
  /** How many programs the backend has compiled so far: with it, caching is checked too. */
  readonly compilations?: (backend: Backend) => number | Promise<number>
  /** Bytes that a run holds at its peak: with it, barriers are checked to save memory too. */
  readonly peakBytes?: MeasurePeak
}

/** Options of `checkBackend`. */
export interface BackendSuiteOptions extends BackendCheckOptions {
  /** Registers a test, as `test` of vitest does. */
  readonly test: TestFunction
  readonly skip?: readonly Skip[]
}

/** Makes a new backend. */
export type CreateBackend = () => Backend | Promise<Backend>

/**
 * Registers the whole suite as tests: `checkBackend(() => myBackend(), { test })`. One backend serves all tests but those about
 * closing; the last test closes it.
 */
export function checkBackend(createBackend: CreateBackend, options: BackendSuiteOptions): void {
  register(backendChecks(createBackend, options), options.test, options.skip)
}

/** The suite as a list, for runners without a `test` function. */
export function backendChecks(createBackend: CreateBackend, options: BackendCheckOptions = {}): Check[] {
  const { dtypes = ['f32'], storage = ['f16', 'bf16', 'u8', 'i8'] } = options
  let opened: Promise<Backend> | undefined
  const backend = () => {
    opened ??= Promise.resolve(createBackend())
    return opened
  }
  const judge = reference()
  return [
    listsItsDtypes(backend, dtypes, storage),
    ...dtypes.flatMap((dtype) => parityChecks(backend, judge, dtype, options)),
    ...parityChecks(backend, judge, 'whole', { ...options, storage }),
    ...modelChecks(backend, judge, dtypes),
    ...programChecks(backend, options),
    ...indexChecks(backend),
    ...barrierChecks(backend, options),
    ...stateChecks(backend),
    ...weightChecks(backend, storage),
    ...lifecycleChecks(backend, createBackend),
  ]
}

// Every program may use these; and those that core keeps for storage and casts, in which nothing is computed.
const WHOLE: readonly DType[] = ['i32', 'u32', 'bool']
const STORED: readonly DType[] = ['bf16', 'u8', 'i8']

function listsItsDtypes(backend: () => Promise<Backend>, floats: readonly DType[], storage: readonly DType[]): Check {
  return {
    name: 'the backend lists the dtypes that it is checked in',
    async run() {
      const { dtypes, apiVersion, name } = await backend()
      const computed = [...floats, ...WHOLE]
      const unlisted = computed.filter((dtype) => !dtypes.has(dtype))
      expectThat(unlisted.length === 0, 'the backend does not list dtypes that it is checked in', { unlisted })
      const stored = storage.filter((dtype) => STORED.includes(dtype))
      const unchecked = [...dtypes].filter((dtype) => ![...computed, ...stored].includes(dtype))
      expectThat(unchecked.length === 0, 'the backend lists dtypes that it is not checked in', { unchecked })
      expectThat(apiVersion === 1 && name !== '', 'the backend has an apiVersion of 1 and a name', { apiVersion, name })
    },
  }
}
