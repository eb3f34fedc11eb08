/** @module Models in GGUF files of llama.cpp as bases for adapters, with their weights kept packed. */
export { ggufFiles } from './gguf-files.js'
export { ggufWeights } from './weights/gguf-weights.js'
