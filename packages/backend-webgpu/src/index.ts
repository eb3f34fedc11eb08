/** @module Runs compiled graphs on WebGPU: Dawn in Node, navigator.gpu in browsers. */
export type { Gpu, GpuAdapter } from './device/gpu.js'
export type { PowerPreference } from './device/open-device.js'
export { type Dispatch, type Kernel, type Plan, type PlannedValue, printPlan } from './plan/plan.js'
export { planProgram } from './plan/plan-program.js'
export { type WebgpuOptions, webgpu } from './webgpu.js'
