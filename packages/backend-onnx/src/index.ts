/** @module Runs compiled graphs on ONNX Runtime: its native library in a worker thread. The wasm form is `@espalier/backend-onnx/web`. */
export { type OnnxOptions, onnx } from './onnx.js'
export { findNative, findWasm, type RuntimePackage } from './runtime.mjs'
