/** @module Model architectures under their Hugging Face names, and generation: token ids in, token ids out. */
export { llama } from './llama.js'
