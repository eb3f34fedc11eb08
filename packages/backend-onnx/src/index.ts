/** @module Runs compiled graphs on ONNX Runtime: onnxruntime-node in a worker thread. The wasm form is `@espalier/backend-onnx/web`. */
export { onnx, type OnnxOptions } from './onnx.js'
