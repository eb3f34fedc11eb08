/**
 * A tuner that moves a part of the base weight into its factors, as PiSSA (arXiv:2404.02948) and OLoRA do: W' = (W - B0 A0) + B A, where
 * A0, B0 are what A, B start with. The base stays as it is: the difference is kept instead. Legend: A (1, in), B (out, 1).
 */
import {
  add,
  defineTuner,
  type FromWeight,
  hostTensor,
  linear,
  matmul,
  sub,
  type TargetConfig,
  type Tensor,
} from '@espalier/core'

type State = { readonly A: Tensor; readonly B: Tensor; readonly A0: Tensor; readonly B0: Tensor }
type Sizes = { readonly inSize: number; readonly outSize: number }

/** The weight's largest row, and how much of it every row holds. */
export const residual = defineTuner<TargetConfig, State, 'A0' | 'B0'>({
  kind: 'residual',
  parse: (raw) => ({
    targetModules: (raw.targetModules as string[] | null | undefined) ?? null,
    modulesToSave: (raw.modulesToSave as string[] | null | undefined) ?? null,
  }),
  fileKeys: { A: 'lora_A.weight', B: 'lora_B.weight' },
  create: ({ site }) => ({ A: rowOf(site), B: sharesOf(site) }),
  buffers: ({ site }) => ({ A0: rowOf(site), B0: sharesOf(site) }),
  merge: ({ weight, state: { A, B, A0, B0 } }) => add(weight, sub(matmul(B, A), matmul(B0, A0))),
  forward: ({ x, inner, state: { A, B, A0, B0 } }) =>
    add(inner(x), sub(linear(linear(x, A), B), linear(linear(x, A0), B0))),
})

function rowOf({ inSize }: Sizes): FromWeight {
  return {
    shape: [1, inSize],
    from: ({ weight }) => hostTensor('f32', [1, inSize], largest(rowsOf(weight.data as Float32Array, inSize))),
  }
}

function sharesOf({ inSize, outSize }: Sizes): FromWeight {
  return {
    shape: [outSize, 1],
    from({ weight }) {
      const rows = rowsOf(weight.data as Float32Array, inSize)
      const row = largest(rows)
      return hostTensor(
        'f32',
        [outSize, 1],
        rows.map((other) => dot(other, row) / dot(row, row)),
      )
    },
  }
}

function rowsOf(data: Float32Array, size: number): Float32Array[] {
  return Array.from({ length: data.length / size }, (_, i) => data.subarray(i * size, (i + 1) * size))
}

function largest(rows: readonly Float32Array[]): Float32Array {
  return rows.reduce((most, row) => (dot(row, row) > dot(most, most) ? row : most))
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] as number), 0)
}
