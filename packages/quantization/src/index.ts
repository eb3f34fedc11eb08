/** @module Weights in 8 and 4 bits: quantizers that know no model and no tuner. */
export { bitsandbytes } from './bitsandbytes/bitsandbytes.js'
export type { BitsAndBytesConfig } from './bitsandbytes/config.js'
export {
  type FourBitSettings,
  type FourBitTensors,
  fourBitTensors,
  stateBytes,
} from './bitsandbytes/four-bit-tensors.js'
export { blockSizes, type FloatName, type QuantState, readState, stateText } from './bitsandbytes/quant-state.js'
export { type BlockwiseCodes, blockwiseCodes } from './codes/blockwise.js'
export { type CodeTable, type FourBitType, fourBitTable, signedDynamic, unsignedDynamic } from './codes/tables.js'
export { type Int8Options, int8 } from './int8/int8.js'
export type { Int8Granularity, Int8Scheme } from './int8/int8-codes.js'
export { type Int8Rows, int8Rows } from './llm-int8/int8-rows.js'
export { type Int8Activations, int8Activations, mixedProduct } from './llm-int8/mixed-product.js'
export { type DynamicStates, dynamicStates } from './states/dynamic-states.js'
