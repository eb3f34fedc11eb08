/**
 * A tuner that starts from the base weight: DoRA, arXiv:2402.09353 §4, without dropout. W' = m (W + s B A) / n with n the norms of the
 * rows of W + s B A, kept out of the gradient (§4.3). Legend: A (r, in), B (out, r), m (out).
 */
import {
  add,
  defineTuner,
  detach,
  div,
  type HostTensor,
  hostTensor,
  linear,
  matmul,
  mul,
  reduceSum,
  reshape,
  sqrt,
  type TargetConfig,
  type Tensor,
} from '@espalier/core'

type State = { readonly A: Tensor; readonly B: Tensor; readonly m: Tensor }

const RANK = 2
const SCALE = 0.5

/** The weight's direction gets a low-rank change, its magnitude is learned. */
export const weightDecomposed = defineTuner<TargetConfig, State>({
  kind: 'weightdecomposed',
  parse: (raw) => ({
    targetModules: (raw.targetModules as string[] | null | undefined) ?? null,
    modulesToSave: (raw.modulesToSave as string[] | null | undefined) ?? null,
  }),
  fileKeys: { A: 'lora_A.weight', B: 'lora_B.weight', m: 'lora_magnitude_vector' },
  create: ({ site: { inSize, outSize }, random }) => ({
    A: hostTensor('f32', [RANK, inSize], random.at('A').uniform(RANK * inSize, 0.5)),
    B: hostTensor('f32', [outSize, RANK]),
    // B starts as zeros, so that the norms are the weight's own.
    m: { shape: [outSize], from: ({ weight }) => rowNorms(weight) },
  }),
  merge: ({ weight, state }) => {
    const { changed, factor } = decomposed(weight, state)
    return mul(changed, reshape(factor, [weight.shape[0] as number, 1]))
  },
  // y + (m / n - 1) W x + (m / n) s B A x, where y may hold other adapters' changes.
  forward: ({ x, inner, layer, state }) => {
    const weight = layer.orientedWeight()
    const { factor } = decomposed(weight, state)
    const plain = linear(x, weight)
    const change = mul(linear(linear(x, state.A), state.B), SCALE)
    return add(inner(x), add(mul(plain, add(factor, -1)), mul(change, factor)))
  },
})

function decomposed(weight: Tensor, { A, B, m }: State): { readonly changed: Tensor; readonly factor: Tensor } {
  const changed = add(weight, mul(matmul(B, A), SCALE)) // (out, in)
  const norms = sqrt(reduceSum(mul(changed, changed), { axes: [1] })) // (out)
  return { changed, factor: div(m, detach(norms)) }
}

function rowNorms({ shape, data }: HostTensor): HostTensor {
  const [rows = 0, columns = 0] = shape
  const norms = Array.from({ length: rows }, (_, i) =>
    Math.hypot(...(data as Float32Array).subarray(i * columns, (i + 1) * columns)),
  )
  return hostTensor('f32', [rows], norms)
}
