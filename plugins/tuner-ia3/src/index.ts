/** @module IA3 for Espalier, from core's public interface alone. */
export type { Ia3Config } from './config.js'
export { type Ia3State, ia3 } from './ia3.js'
