/** How A and B start. Legend: r rank, A (r, in), B (out, r); an embedding's are A (r, rows), B (size, r), those of experts A (experts r, in), B (out, r experts). */
import { type CreateContext, type HostTensor, hostTensor, valueAt } from '@espalier/core'
import type { LoraConfig } from './config.js'

/** Initial values of one layer. */
export type LoraValues = { readonly A: HostTensor; readonly B: HostTensor; readonly bias?: HostTensor }

/**
 * PEFT's initial values. Linear: A uniform in +-1/sqrt(in) (torch's default of a linear layer) or normal with deviation 1/r, B zero;
 * with false also B uniform in +-1/sqrt(r). Embedding: A zero, B standard normal; with false both standard normal.
 */
export function createLoraValues({ site, config, random }: CreateContext<LoraConfig>): LoraValues {
  const { inSize, outSize, kind, parameter } = site
  const { initLoraWeights: start, loraBias, rankPattern, r } = config
  const rank = valueAt(site, rankPattern, r)
  const experts = parameter?.experts ?? 1
  const shapeA = [rank * experts, inSize]
  const shapeB = [outSize, rank * experts]
  const normal = (name: string, shape: readonly number[], deviation: number) =>
    hostTensor('f32', shape, random.at(name).normal((shape[0] ?? 1) * (shape[1] ?? 1), deviation))
  const uniform = (name: string, shape: readonly number[], fanIn: number) =>
    hostTensor('f32', shape, random.at(name).uniform((shape[0] ?? 1) * (shape[1] ?? 1), 1 / Math.sqrt(fanIn)))
  if (kind === 'embedding')
    return { A: start === false ? normal('A', shapeA, 1) : hostTensor('f32', shapeA), B: normal('B', shapeB, 1) }
  return {
    A: typeof start === 'string' ? normal('A', shapeA, 1 / rank) : uniform('A', shapeA, inSize),
    B: start === false ? uniform('B', shapeB, rank * experts) : hostTensor('f32', shapeB),
    ...(loraBias ? { bias: start === false ? uniform('bias', [outSize], rank) : hostTensor('f32', [outSize]) } : {}),
  }
}
