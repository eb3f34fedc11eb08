/** Ranges of a memory that grows: first fit, neighbours merged when they are given back. */

const ALIGNMENT = 64 // a line of the processor's cache

export class Allocator {
  /** Free ranges in ascending order. */
  free = []

  /**
   * @param start first byte that may be given out
   * @param ensure called with the number of bytes that the memory must have; throws when it cannot
   */
  constructor(start, ensure) {
    this.end = Math.ceil(start / ALIGNMENT) * ALIGNMENT
    this.ensure = ensure
  }

  /** A range of this many bytes or a little more. */
  take(byteLength) {
    const size = Math.max(1, Math.ceil(byteLength / ALIGNMENT)) * ALIGNMENT
    const found = this.free.findIndex((range) => range.size >= size)
    if (found < 0) {
      this.ensure(this.end + size)
      const range = { start: this.end, size }
      this.end += size
      return range
    }
    const range = this.free[found]
    if (range.size === size) this.free.splice(found, 1)
    else this.free[found] = { start: range.start + size, size: range.size - size }
    return { start: range.start, size }
  }

  /** Takes a range back. */
  give(range) {
    const next = this.free.findIndex((one) => one.start > range.start)
    this.free.splice(next < 0 ? this.free.length : next, 0, range)
    this.free = this.free.reduce((merged, one) => {
      const last = merged.at(-1)
      if (last !== undefined && last.start + last.size === one.start)
        merged[merged.length - 1] = { start: last.start, size: last.size + one.size }
      else merged.push(one)
      return merged
    }, [])
  }
}
