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

/** The backend of a name; onnx computes on WebAssembly where only that is installed (`slownessOf`). Throws backend.missing when it is not installed, backend.unsupported when it does not exist yet. */
export async function namedBackend(name: BackendName, settings: BackendSettings = {}): Promise<Backend> {
  switch (name) {
    case 'onnx':
      return platform.onnx(settings)
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
        what: 'this backend does not exist yet',
        got: { backend: name, existing: ['onnx', 'reference'] },
        fix: 'Use one of those',
      })
  }
}

/** The best backend that is installed: onnx. */
export function defaultBackend(): Promise<Backend> {
  return namedBackend('onnx')
}

/** What to tell of a backend that stands in for a faster one; undefined: nothing. */
export function slownessOf(backend: Pick<Backend, 'name'>): string | undefined {
  return platform.slownessOf(backend)
}
