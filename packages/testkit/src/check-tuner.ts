/** The conformance suite of layer tuners: the promises that PEFT's own tests check of every method. */
import type { BaseModel, LayerTuner } from '@espalier/core'
import { type Check, register, type Skip, type TestFunction } from './check.js'
import { adapterChecks } from './tuner/adapter-checks.js'
import { fileChecks } from './tuner/file-checks.js'
import { halfChecks } from './tuner/half-checks.js'
import { outputChecks } from './tuner/output-checks.js'
import { sharedChecks } from './tuner/shared-checks.js'
import { tunerSubject } from './tuner/subject.js'
import { halfModel, testModel, tiedModel } from './tuner/test-model.js'
import { trainingChecks } from './tuner/training-checks.js'

/** One configuration to check. */
export interface TunerVariant {
  /** As users write it. Without `targetModules`, every layer of the test model that the tuner supports. */
  readonly config: Readonly<Record<string, unknown>>
  /** Whether a new adapter changes nothing. Default true. */
  readonly startsAsIdentity?: boolean
  /** Largest allowed difference between forward and merge. Default 1e-4, as in PEFT; methods with a matrix inverse need more. */
  readonly mergeTolerance?: number
  /** Whether a seed decides initial values; false for methods that always start from the same ones. Default true. */
  readonly drawsInitialValues?: boolean
}

/** What a suite is told about a tuner. */
export interface TunerCheckOptions {
  /** Configurations to check, by name. Default: one without any field. */
  readonly variants?: Readonly<Record<string, TunerVariant>>
  /** The model to adapt, anew at each call; its layers need the names of `testModel`. Default `testModel`. */
  readonly model?: () => BaseModel
}

/** Options of `checkTuner`. */
export interface TunerSuiteOptions extends TunerCheckOptions {
  /** Registers a test, as `test` of vitest does. */
  readonly test: TestFunction
  readonly skip?: readonly Skip[]
}

/** Registers the whole suite as tests: `checkTuner(lora, { test })`. */
export function checkTuner(tuner: LayerTuner, options: TunerSuiteOptions): void {
  register(tunerChecks(tuner, options), options.test, options.skip)
}

/** The suite as a list, for runners without a `test` function. */
export function tunerChecks(tuner: LayerTuner, options: TunerCheckOptions = {}): Check[] {
  const { variants = { default: { config: {} } }, model } = options
  return Object.entries(variants).flatMap(([name, variant]) => {
    const subject = tunerSubject(tuner, variant, model)
    const checks = [
      ...outputChecks(subject),
      ...trainingChecks(subject),
      ...sharedChecks(subject),
      ...fileChecks(subject),
      ...adapterChecks(subject),
      ...(model === undefined ? [...tiedChecks(tuner, variant), ...halfBaseChecks(tuner, variant)] : []),
    ]
    return checks.map((check) => ({ ...check, name: `${tuner.kind} ${name}: ${check.name}` }))
  })
}

/** On a model that computes in f16. */
function halfBaseChecks(tuner: LayerTuner, variant: TunerVariant): Check[] {
  const [half, whole] = [tunerSubject(tuner, variant, halfModel), tunerSubject(tuner, variant, testModel)]
  return halfChecks(half, whole).map((check) => ({ ...check, name: `base in f16: ${check.name}` }))
}

/** On a model whose head and embedding share a weight: with the head adapted, and with the head trained in full. */
function tiedChecks(tuner: LayerTuner, variant: TunerVariant): Check[] {
  const adaptsHead = (tuner.layers ?? ['linear']).includes('linear')
  const saved = { ...variant, config: { ...variant.config, modulesToSave: ['lm_head'] } }
  const bases = {
    'tied head adapted': tunerSubject(tuner, variant, tiedModel, adaptsHead ? ['lm_head'] : []),
    'tied head in full': tunerSubject(tuner, saved, tiedModel),
  }
  return Object.entries(bases).flatMap(([name, subject]) =>
    [...outputChecks(subject), ...fileChecks(subject)].map((check) => ({ ...check, name: `${name}: ${check.name}` })),
  )
}
