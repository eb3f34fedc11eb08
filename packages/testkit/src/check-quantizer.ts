/** The conformance suite of quantizers: what packs floats, reads them again, and is used by layers that know nothing of it. */
import type { Backend, Quantizer } from '@espalier/core'
import { type Check, register, type Skip, type TestFunction } from './check.js'
import { packedChecks } from './quantizer/packed-checks.js'
import type { QuantizerSite } from './quantizer/sites.js'
import { storedChecks } from './quantizer/stored-checks.js'
import { quantizerSubject } from './quantizer/subject.js'
import { useChecks } from './quantizer/use-checks.js'

/** What a suite is told about a quantizer. */
export interface QuantizerCheckOptions {
  /** Layers that it packs, by name. Default: a linear layer and a Conv1D of rows of 64 and 48, and a linear layer of odd sizes. */
  readonly sites?: Readonly<Record<string, QuantizerSite>>
  /** Backends that must decode as the reference executor does, by name; each is opened for a check, and closed. */
  readonly backends?: Readonly<Record<string, () => Backend>>
  /** How far a value may be from the one that was packed, as a part of the weight's largest magnitude, where weights have no `errorBound`. Default 0.1. */
  readonly largestError?: number
}

/** Options of `checkQuantizer`. */
export interface QuantizerSuiteOptions extends QuantizerCheckOptions {
  /** Registers a test, as `test` of vitest does. */
  readonly test: TestFunction
  readonly skip?: readonly Skip[]
}

const SITES: Readonly<Record<string, QuantizerSite>> = {
  linear: { kind: 'linear', shape: [48, 64] },
  conv1d: { kind: 'conv1d', shape: [64, 48] },
  'odd sizes': { kind: 'linear', shape: [33, 35] },
}

/** Registers the whole suite as tests: `checkQuantizer(mine({ bits: 4 }), { test })`, with the options by which it packs floats. */
export function checkQuantizer(quantizer: Quantizer, options: QuantizerSuiteOptions): void {
  register(quantizerChecks(quantizer, options), options.test, options.skip)
}

/** The suite as a list, for runners without a `test` function. */
export function quantizerChecks(quantizer: Quantizer, options: QuantizerCheckOptions = {}): Check[] {
  const { sites = SITES, backends = {}, largestError = 0.1 } = options
  const subject = quantizerSubject(quantizer, largestError)
  return Object.entries(sites).flatMap(([name, site]) => {
    const checks = [
      ...packedChecks(subject, site),
      ...storedChecks(subject, site),
      ...useChecks(subject, site, backends),
    ]
    return checks.map((check) => ({ ...check, name: `${quantizer.method} ${name}: ${check.name}` }))
  })
}
