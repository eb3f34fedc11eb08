/** The backend of a model that was loaded without one: the best that is installed. */
import { type Backend, EspalierError } from '@espalier/core'

/** Names that `--backend` and the config file know. */
export type BackendName = 'onnx' | 'webgpu' | 'tfjs' | 'reference'

/** Settings that every named backend takes. */
export interface BackendSettings {
  readonly threads?: number
}

/** The backend of a name; onnx computes on WebAssembly where only that is installed (`slownessOf`). Throws backend.missing when it is not installed, backend.unsupported when it does not exist yet. */
export async function namedBackend(name: BackendName, settings: BackendSettings = {}): Promise<Backend> {
  switch (name) {
    case 'onnx':
      return onnxOf(settings)
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
export function slownessOf({ name }: Backend): string | undefined {
  return name === 'onnx-web'
    ? `ONNX Runtime has no native library for ${process.platform} ${process.arch} here, and computes on WebAssembly: 4 to 5 times slower`
    : undefined
}

async function onnxOf(settings: BackendSettings): Promise<Backend> {
  const { findNative, findWasm, onnx } = await import('@espalier/backend-onnx')
  if (findNative() !== undefined || findWasm() === undefined) return onnx(settings)
  const { onnxWeb } = await import('@espalier/backend-onnx/web')
  return onnxWeb(settings)
}
