/** @module AdaLoRA for Espalier, from core's public interface alone. */
export { type AdaLoraState, adalora } from './adalora.js'
export type { AdaLoraConfig } from './config.js'
