/** @module LoHa for Espalier, from core's public interface alone. */
export { type LohaConfig, type LohaState, loha } from './loha.js'
