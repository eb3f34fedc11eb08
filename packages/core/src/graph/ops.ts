/** The functions that build graphs, gathered for `@espalier/core`'s public surface. */
export { barrier } from './ops/barrier.js'
export {
  add,
  and,
  div,
  max,
  min,
  mul,
  type Operand,
  or,
  pow,
  rem,
  shiftLeft,
  shiftRight,
  sub,
  xor,
} from './ops/binary.js'
export { broadcast } from './ops/broadcast.js'
export { type CallAttributes, type CallDefinition, type CallPullback, call, expandCall } from './ops/call.js'
export { cast, widened, widerThan } from './ops/cast.js'
export { equal, greater, greaterEqual, less, lessEqual, notEqual } from './ops/compare.js'
export { concat } from './ops/concat.js'
export { constant, constantTensor, filledWith, zerosLike } from './ops/constant.js'
export { gatherAlong } from './ops/gather-along.js'
export { gatherRows } from './ops/gather-rows.js'
export { feed, input } from './ops/input.js'
export { iota } from './ops/iota.js'
export { matmul } from './ops/matmul.js'
export { pad } from './ops/pad.js'
export { permute, transpose } from './ops/permute.js'
export { randomBits } from './ops/random-bits.js'
export { type ReduceOptions, reduceMax, reduceMean, reduceMin, reduceSum } from './ops/reduce.js'
export { reshape } from './ops/reshape.js'
export { scatterAddRows } from './ops/scatter-add-rows.js'
export { select } from './ops/select.js'
export { slice, sliceAxis } from './ops/slice.js'
export { topK } from './ops/top-k.js'
export {
  abs,
  cos,
  erf,
  exp,
  floor,
  log,
  neg,
  not,
  reciprocal,
  round,
  rsqrt,
  sigmoid,
  sign,
  sin,
  sqrt,
  tanh,
} from './ops/unary.js'
export { writeRows } from './ops/write-rows.js'
