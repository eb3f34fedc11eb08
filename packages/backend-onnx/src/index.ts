/** @module Runs compiled graphs on ONNX Runtime: onnxruntime-node in a worker thread. The wasm form is `@espalier/backend-onnx/web`. */
export { type OnnxOptions, onnx } from './onnx.js'
