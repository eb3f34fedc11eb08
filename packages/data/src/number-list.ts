/** Many numbers in little memory. */

/** A list of numbers that grows in one typed array. */
export class NumberList {
  #values = new Float64Array(256)
  #length = 0

  get length(): number {
    return this.#length
  }

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const larger = new Float64Array(this.#length * 2)
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values[this.#length++] = value
  }

  at(index: number): number {
    return this.#values[index] ?? Number.NaN
  }
}
