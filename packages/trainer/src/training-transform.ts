/**
 * Transforms of the program that accumulates gradients: forward and backward are one graph, so what is recomputed or in which dtype, is a
 * matter of rewriting it. The run and its preflight use the same ones.
 */
import {
  EspalierError,
  type Model,
  type Program,
  programRoots,
  sameShape,
  type Tensor,
  withRoots,
} from '@espalier/core'

/**
 * From a graph to an equivalent one, as core's own transforms are: as many roots, of the same specs. The roots are the loss and the sums of
 * gradients. `model` names its repeated layers (`layerPaths`).
 */
export type TrainingTransform = (roots: readonly Tensor[], context: { readonly model: Model }) => readonly Tensor[]

/** A program after all transforms, in order. Throws graph.invalid for one that gives other roots than it was given. */
export function transformProgram(program: Program, transforms: readonly TrainingTransform[], model: Model): Program {
  const before = programRoots(program)
  const after = transforms.reduce<readonly Tensor[]>((roots, transform) => transform(roots, { model }), before)
  const changed =
    after.length !== before.length ||
    after.some(({ dtype, shape }, i) => dtype !== before[i]?.dtype || !sameShape(shape, before[i]?.shape ?? []))
  if (changed)
    throw new EspalierError('graph.invalid', {
      what: 'a training transform gives other roots than it was given',
      got: { before: before.map(specOf), after: after.map(specOf) },
      fix: 'Return a tensor of the same dtype and shape for each root, in the same order',
    })
  return withRoots(program, after)
}

function specOf({ dtype, shape }: Tensor): string {
  return `${dtype}[${shape.join(',')}]`
}
