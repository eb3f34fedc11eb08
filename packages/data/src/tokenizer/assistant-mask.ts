/** Which ids stand for what the model wrote, from the places that a chat template marks, as transformers finds them. */
import type { Range } from '../engine/aligned-text.js'

/** 1 for an id of a generated part, else 0. offsets: range of each id in the text. generated: in order. */
export function assistantMask(offsets: readonly Range[], generated: readonly Range[]): number[] {
  const mask = new Array<number>(offsets.length).fill(0)
  const idAt = (place: number) => offsets.findIndex(([start, end]) => place >= start && place < end)
  for (const [start, end] of generated) {
    if (end === 0) continue // nothing, at the beginning
    const first = idAt(start)
    if (first < 0) break
    const last = idAt(end - 1)
    mask.fill(1, first, last > 0 ? last + 1 : offsets.length) // transformers takes the first id for no id
  }
  return mask
}
