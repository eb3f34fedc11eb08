/** A method of one's own in a few lines: W + B A without any scale. */
import { add, hostTensor, matmul, type Tensor } from '@espalier/core'
import { defineTuner } from 'espalier'

/** Callable: `tiny({ rank: 4 })`. The configuration's type comes from `parse`. */
export const tiny = defineTuner({
  kind: 'tiny',
  parse: (raw) => ({
    rank: Number(raw.rank ?? 2),
    targetModules: (raw.targetModules ?? null) as readonly string[] | string | null,
  }),
  fileKeys: { A: 'tiny_A.weight', B: 'tiny_B.weight' },
  create: ({ site, config, random }) => ({
    A: hostTensor('f32', [config.rank, site.inSize], random.at('A').normal(config.rank * site.inSize, 0.02)),
    B: hostTensor('f32', [site.outSize, config.rank]),
  }),
  merge: ({ weight, state }: { readonly weight: Tensor; readonly state: { readonly A: Tensor; readonly B: Tensor } }) =>
    add(weight, matmul(state.B, state.A)),
})
