/** Probabilities of logits on the host. */

/** e^x over the sum of all, without overflow. */
export function softmax(logits: ArrayLike<number>): number[] {
  const values = Array.from(logits)
  const most = Math.max(...values)
  const powers = values.map((x) => Math.exp(x - most))
  const sum = powers.reduce((a, b) => a + b, 0)
  return powers.map((power) => power / sum)
}
