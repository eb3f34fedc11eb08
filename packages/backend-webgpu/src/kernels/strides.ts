/** How a kernel walks a tensor in the order of another shape. */
import type { Shape } from '@espalier/core'

/** Axes that are left when those which continue each other are one, innermost first: extent and stride. */
export type Axes = readonly (readonly [extent: number, stride: number])[]

/** The walk over a shape with strides. Outermost axes that do not move fall away, and none is left where nothing moves. */
export function axesOf(shape: Shape, strides: readonly number[]): Axes {
  const axes: [number, number][] = []
  for (let i = shape.length - 1; i >= 0; i--) {
    const [extent, stride] = [shape[i] as number, strides[i] as number]
    if (extent === 1) continue
    const inner = axes.at(-1)
    if (inner !== undefined && stride === inner[0] * inner[1]) inner[0] *= extent
    else axes.push([extent, stride])
  }
  while (axes.at(-1)?.[1] === 0) axes.pop()
  return axes
}

/** Whether a walk over so many elements is element after element; over more than its one axis it begins again. */
export function isFlat(axes: Axes, size: number): boolean {
  return axes.length === 1 && axes[0]?.[0] === size && axes[0][1] === 1
}

/** The walk as parameters of `offset`: the rank, then the pairs. Room for four axes or for eight, so that what follows lies at few places. */
export function axesParams(axes: Axes): number[] {
  const pairs = axes.flat()
  return [axes.length, ...pairs, ...new Array<number>((pairs.length <= 8 ? 8 : 16) - pairs.length).fill(0)]
}
