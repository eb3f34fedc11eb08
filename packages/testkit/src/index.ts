/** @module Conformance suites: what a backend or a tuner must do, as tests that anyone can run on their own. */
export { callCases, secondOrderCases } from './cases/calls.js'
export { elementwiseCases } from './cases/elementwise.js'
export { castCases, integerCases, storageCases } from './cases/integers.js'
export { movementCases } from './cases/movement.js'
export { emptyCases, largeCases, matmulCases, reduceCases } from './cases/products.js'
export { centralDifferences, checkGradients, type GradientOptions, gradientTolerance } from './check-gradients.js'
export { type Difference, EXACT, expectClose, type Tolerance, worstDifference } from './compare.js'
export { caseProgram, type GraphCase, spread, type Tensors, weightedSum, whole } from './graph-case.js'
