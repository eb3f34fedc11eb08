/** @module VeRA for Espalier, from core's public interface alone. */
export { type VeraConfig, type VeraState, vera } from './vera.js'
