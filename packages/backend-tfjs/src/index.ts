/** @module Runs compiled graphs on TensorFlow.js: CUDA through tfjs-node-gpu, and any other tfjs. */
export type { TfDType, TfEngine, TfModule, TfNamespace, TfTensor, TfValues } from './tf-namespace.js'
export { type TfjsOptions, tfjs } from './tfjs.js'
