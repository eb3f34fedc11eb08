/** The backend of a model that was loaded without one: the best that is installed. */
import type { WasmPaths } from '@espalier/backend-onnx/web'
import { type Backend, EspalierError } from '@espalier/core'
import { platform } from '../platform/node.js'

/** Names that `--backend` and the config file know. */
export type BackendName = 'onnx' | 'webgpu' | 'tfjs' | 'reference'

/** Settings that every named backend takes. */
export interface BackendSettings {
  readonly threads?: number
  /** Where ONNX Runtime's WebAssembly files lie, for the runtime in a browser: see `OnnxWebOptions`. Default: beside its module. */
  readonly wasmPaths?: WasmPaths
}

/**
 * The backend of a name; onnx computes on WebAssembly where only that is installed, webgpu on the CPU where no GPU is found but software
 * that plays one (`slownessOf`). Throws backend.missing when it is not installed or finds nothing to compute on, backend.unsupported for tfjs.
 */
export async function namedBackend(name: BackendName, settings: BackendSettings = {}): Promise<Backend> {
  switch (name) {
    case 'onnx':
      return platform.onnx(settings)
    case 'webgpu': {
      const { webgpu, webgpuAdapter } = await import('@espalier/backend-webgpu')
      await webgpuAdapter() // before a model is read, not at the first use
      return webgpu()
    }
    case 'reference': {
      const { reference } = await import('@espalier/core')
      return reference()
    }
    case 'tfjs':
      throw new EspalierError('backend.unsupported', {
        what: 'the tfjs backend computes with a tfjs of yours, which a name cannot carry',
        got: { backend: name },
        fix: "In a program: backend: tfjs({ tf }), from '@espalier/backend-tfjs'.",
      })
    default:
      throw new EspalierError('backend.unsupported', {
        what: 'there is no backend of this name',
        got: { backend: name, existing: ['onnx', 'webgpu', 'reference'] },
        fix: 'Use one of those',
      })
  }
}

/** The best backend that is installed: onnx. */
export function defaultBackend(): Promise<Backend> {
  return namedBackend('onnx')
}

/** What to tell of a backend that stands in for a faster one; undefined: nothing. */
export async function slownessOf(backend: Pick<Backend, 'name'>): Promise<string | undefined> {
  if (backend.name !== 'webgpu') return platform.slownessOf(backend)
  const { webgpuAdapter } = await import('@espalier/backend-webgpu')
  const { isSoftware } = await webgpuAdapter()
  return isSoftware ? 'WebGPU finds no GPU but software that plays one, which is far slower than onnx' : undefined
}
