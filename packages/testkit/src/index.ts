/** @module Conformance suites: what a backend, a tuner or a quantizer must do, as tests that anyone can run on their own. */
export type { MeasurePeak } from './backend/barriers.js'
export { compareWithJudge } from './backend/parity.js'
export { callCases, secondOrderCases } from './cases/calls.js'
export { elementwiseCases } from './cases/elementwise.js'
export { castCases, integerCases, storageCases } from './cases/integers.js'
export { movementCases } from './cases/movement.js'
export { namedCallCases } from './cases/named-calls.js'
export { emptyCases, largeCases, matmulCases, reduceCases } from './cases/products.js'
export {
  type Check,
  expectError,
  expectThat,
  type Failure,
  failuresOf,
  register,
  type Skip,
  type TestFunction,
} from './check.js'
export {
  type BackendCheckOptions,
  type BackendSuiteOptions,
  backendChecks,
  type CreateBackend,
  checkBackend,
} from './check-backend.js'
export { centralDifferences, checkGradients, type GradientOptions, gradientTolerance } from './check-gradients.js'
export {
  checkQuantizer,
  type QuantizerCheckOptions,
  type QuantizerSuiteOptions,
  quantizerChecks,
} from './check-quantizer.js'
export {
  checkTuner,
  type TunerCheckOptions,
  type TunerSuiteOptions,
  type TunerVariant,
  tunerChecks,
} from './check-tuner.js'
export { type Difference, EXACT, expectClose, type Tolerance, worstDifference } from './compare.js'
export { caseInputs, caseProgram, type GraphCase, spread, type Tensors, weightedSum, whole } from './graph-case.js'
export type { QuantizerSite } from './quantizer/sites.js'
export { type RandomGraph, randomGraph } from './random-graph.js'
export { feedsOfStep, type PreparedStep, prepareStep, trainingStep } from './training-step.js'
export { testModel } from './tuner/test-model.js'
