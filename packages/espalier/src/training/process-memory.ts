/** What the program takes around model and run, so that the memory expected can be held against the peak that the system shows. */

/**
 * Native memory that comes with the first program of a backend: libraries, a thread, sessions without weights. Measured as the peak of
 * runs on a model of 0.8 M parameters, less all else that is counted: 42 to 51 MB.
 */
const RUNTIME_BYTES: Readonly<Record<string, number>> = { onnx: 50e6 }

/**
 * Values that a step replaced and that nobody has freed yet: their buffers are native, and V8 looks for garbage of that kind only after so
 * much of it (its limit for external memory). Measured on the same model with all parameters training: 265 MB at the first step, 340 MB after 25.
 */
const UNFREED_BYTES: Readonly<Record<string, number>> = { onnx: 64 * 2 ** 20 }

/** Most bytes of replaced values that wait to be freed. bytesPerStep: of values, gradients and optimizer states. */
export function replacedMemory(backendName: string, bytesPerStep: number, steps: number): number {
  return Math.min(UNFREED_BYTES[backendName] ?? 0, bytesPerStep * steps)
}

// Code, stacks and libraries, before anything runs: later it cannot be told from weights and intermediate values.
const NATIVE_AT_START = nativeBytes()

/** Bytes of this process beside weights and what a run computes, as it is now; 0 outside Node. */
export function processMemory(backendName: string): number {
  const { heapTotal, external } = usage()
  return heapTotal === 0 ? 0 : NATIVE_AT_START + heapTotal + external + (RUNTIME_BYTES[backendName] ?? 0)
}

function nativeBytes(): number {
  const { rss, heapTotal, external } = usage()
  return Math.max(0, rss - heapTotal - external)
}

function usage(): { readonly rss: number; readonly heapTotal: number; readonly external: number } {
  return typeof process === 'undefined' || process.memoryUsage === undefined
    ? { rss: 0, heapTotal: 0, external: 0 }
    : process.memoryUsage()
}

/** Most bytes that the process has had in memory; 0 outside Node. */
export function peakMemory(): number {
  return typeof process === 'undefined' ? 0 : (process.resourceUsage?.().maxRSS ?? 0) * 1024
}
