/** Walking two broadcast inputs together, for the reference loops of binary, compare and select. */
import { broadcastStrides, sizeOf } from '../../shape.js'
import type { Node } from '../tensor.js'

/** Calls `visit` with the flat indices into each of the node's first two inputs and the output, in output order. */
export function forEachPair(
  node: Node<'binary'> | Node<'compare'>,
  visit: (a: number, b: number, out: number) => void,
): void {
  const offsets = inputOffsets(node as unknown as Node)
  const size = sizeOf((node.outputs[0] as { shape: readonly number[] }).shape)
  for (let i = 0; i < size; i++)
    visit((offsets[0] as Int32Array)[i] as number, (offsets[1] as Int32Array)[i] as number, i)
}

/** For each input, the flat index that it contributes to each output element under broadcasting. */
export function inputOffsets(node: Node): Int32Array[] {
  const { shape } = node.outputs[0] as { shape: readonly number[] }
  const size = sizeOf(shape)
  return node.inputs.map((x) => {
    const strides = broadcastStrides(x.shape, shape)
    const offsets = new Int32Array(size)
    const counter = new Array<number>(shape.length).fill(0)
    let offset = 0
    for (let i = 0; i < size; i++) {
      offsets[i] = offset
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        offset += strides[axis] as number
        counter[axis] = (counter[axis] as number) + 1
        if ((counter[axis] as number) < (shape[axis] as number)) break
        offset -= (strides[axis] as number) * (shape[axis] as number)
        counter[axis] = 0
      }
    }
    return offsets
  })
}
