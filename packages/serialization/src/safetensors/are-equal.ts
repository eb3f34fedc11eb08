/** Whether two stored tensors are the same, read part by part. */
import type { LocatedTensor } from './sharded.js'

const PART = 16 * 2 ** 20 // bytes that are compared at a time

/** Whether dtype, shape and bytes are the same. */
export async function areEqual(a: LocatedTensor, b: LocatedTensor): Promise<boolean> {
  if (a === b) return true
  if (a.dtype !== b.dtype || a.byteLength !== b.byteLength || String(a.shape) !== String(b.shape)) return false
  for (let start = 0; start < a.byteLength; start += PART) {
    const end = Math.min(start + PART, a.byteLength)
    const [left, right] = await Promise.all([a.readRange(start, end), b.readRange(start, end)])
    if (left.some((byte, i) => byte !== right[i])) return false
  }
  return true
}
