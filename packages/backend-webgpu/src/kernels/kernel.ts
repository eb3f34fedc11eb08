/** What kernels give the plan. */
import type { Kernel } from '../plan/plan.js'
import { THREADS } from './wgsl.js'

/** A kernel with the parameters of one use, and how many workgroups it takes. */
export interface KernelUse {
  readonly kernel: Kernel
  readonly params: Uint32Array
  readonly groups: number
}

/** A use of a kernel in which every thread makes one element or word. */
export function perThread(name: string, source: string, params: Uint32Array, threads: number): KernelUse {
  return { kernel: { name, source }, params, groups: Math.ceil(threads / THREADS) }
}
