/** What differs between Node and a browser. node.ts and browser.ts each export one; the browser's build swaps the former for the latter. */
import type { Gpu } from '../device/gpu.js'

/** Where WebGPU comes from. */
export interface Platform {
  /** WebGPU as it is here; undefined: this place has none. Throws what loading it threw. */
  findGpu(): Promise<Gpu | undefined>
  /** What to do where there is no WebGPU, or no adapter. */
  readonly remedy: { readonly noGpu: string; readonly noAdapter: string }
}

/** WebGPU of the global scope: of pages, of their workers, and of runtimes that have it built in. */
export function globalGpu(): Gpu | undefined {
  const { navigator } = globalThis as { readonly navigator?: { readonly gpu?: Gpu } }
  return navigator?.gpu ?? undefined
}
