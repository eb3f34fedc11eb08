/** @module Runs compiled graphs on WebGPU: Dawn in Node, navigator.gpu in browsers. */
export type { Gpu } from './device/gpu.js'
export type { PowerPreference } from './device/open-device.js'
export {
  type Dispatch,
  type Kernel,
  type Place,
  type Plan,
  type PlannedCheck,
  type PlannedSlot,
  type PlannedValue,
  printPlan,
} from './plan/plan.js'
export { planProgram, type StoredWeights } from './plan/plan-program.js'
export { type WebgpuAdapter, type WebgpuOptions, webgpu, webgpuAdapter } from './webgpu.js'
