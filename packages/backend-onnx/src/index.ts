/** @module Runs compiled graphs on ONNX Runtime: its native library in a worker thread. The wasm form is `@espalier/backend-onnx/web`. */
export { defaultCacheFolder } from './node/widened-cache.js'
export { type OnnxOptions, onnx } from './onnx.js'
export { findNative, findWasm, type RuntimePackage } from './runtime.mjs'
