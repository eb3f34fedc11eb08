/** @module Espalier's core: the graph, autodiff, module tree, tuner and backend interfaces, and the reference executor. */
export { gradients, vjp } from './autodiff/gradients.js'
export type { Backend, CompileOptions, Executable, ParameterSource, ProgressOptions, RunArguments, StateBinding, StateSet, WeightRequest, WeightSet } from './backend/backend.js'
export { type Program, programKey, programRoots, programSlots, type ProgramSlots, withRoots } from './backend/program.js'
export { reference, type ReferenceOptions } from './backend/reference.js'
export { bindState, type BoundState, checkFeeds } from './backend/run-arguments.js'
export {
  byteSize, decodeBf16, decodeBf16Array, decodeF16, decodeF16Array, type DType, dtypes, encodeBf16, encodeF16, type HostArray, hostArray,
  type HostTensor, hostTensor, hostTensorFromBytes, isFloat, type Spec, toFloat32, toFloat64,
} from './dtype.js'
export { errorCodes, type ErrorCode, type ErrorEntry } from './error-codes.js'
export { assertNever, EspalierError, type EspalierErrorParts, type SerializedError } from './errors.js'
export type { BinaryFn, CompareFn, OpAttrs, OpName, ReduceFn, SlotKind, UnaryFn } from './graph/op-attrs.js'
export * from './graph/ops.js'
export { printGraph } from './graph/print.js'
export { rebuild, type Rewrite } from './graph/rebuild.js'
export { createNode, isOp, type Node, type Tensor, topologicalOrder } from './graph/tensor.js'
export { verifyGraph } from './graph/verify.js'
export { hashString, mix32, Random, siteKey } from './random.js'
export { broadcastShapes, broadcastStrides, normalizeAxis, sameShape, type Shape, sizeOf, stridesOf } from './shape.js'
export { deduplicate } from './transforms/deduplicate.js'
export { inlineCalls } from './transforms/inline.js'
export { simplify } from './transforms/simplify.js'
