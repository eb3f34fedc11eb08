/** @module LoRA for Espalier: PEFT's LoraConfig, its file keys and its initial values. */
export type { LoraConfig, LoraInit } from './config.js'
export { type LoraState, lora } from './lora.js'
