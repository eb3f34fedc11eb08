/** What a model computes in, by Python's names, and whether a backend can. */
import { type Backend, type ComputeDType, EspalierError, requireParts } from '@espalier/core'

/** transformers' `dtype`, as far as backends compute in it. */
export type ModelDType = 'float32' | 'float16'

/** Core's name of it. */
export function computeDType(dtype: ModelDType | undefined): ComputeDType {
  if (dtype === undefined || dtype === 'float32') return 'f32'
  if (dtype === 'float16') return 'f16'
  throw new EspalierError('config.value', {
    what: 'models compute in float32 or float16',
    got: { dtype },
    fix: 'Leave dtype out: weights that are stored as bfloat16 are widened to float32',
  })
}

/** Throws config.value for what is no backend, backend.unsupported when not every op computes in the dtype there. */
export function requireComputes(backend: Backend, dtype: ComputeDType): void {
  requireParts('backend', backend, ['name', 'dtypes'], 'Give what onnx() or the function of another backend returns')
  const { name, dtypes } = backend
  if (dtypes.has(dtype)) return
  throw new EspalierError('backend.unsupported', {
    what: 'this backend does not compute in the dtype that the model was loaded for',
    got: { backend: name, dtype, computes: [...dtypes] },
    fix: 'Load the model without dtype',
  })
}
