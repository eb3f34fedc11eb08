/** Node's platform: run folders on the disk, and ONNX Runtime's native library, or WebAssembly where there is none. */
import { totalmem } from 'node:os'
import { runIdentity } from '../checkpoint/run-identity.js'
import { runFacts } from '../training/run-facts.js'
import { RunOutput } from '../training/run-output.js'
import type { Platform } from './platform.js'

/** The platform of this build. */
export const platform: Platform = {
  async onnx({ threads, wasmPaths }) {
    const { findNative, findWasm, onnx } = await import('@espalier/backend-onnx')
    const settings = threads === undefined ? {} : { threads }
    if (findNative() !== undefined || findWasm() === undefined) return onnx(settings)
    const { onnxWeb } = await import('@espalier/backend-onnx/web')
    return onnxWeb({ ...settings, ...(wasmPaths === undefined ? {} : { wasmPaths }) })
  },
  slownessOf: ({ name }) =>
    name === 'onnx-web'
      ? `ONNX Runtime has no native library for ${process.platform} ${process.arch} here, and computes on WebAssembly: 4 to 5 times slower`
      : undefined,
  // A container's limit; 0 or more than there is means none.
  memoryBytes: () => Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY),
  openRun: async (request) =>
    request.outputDir === undefined && request.resume === false ? undefined : RunOutput.open(request),
  runFacts,
  runIdentity,
}
