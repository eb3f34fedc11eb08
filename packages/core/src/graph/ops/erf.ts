/** The error function in double precision, for the reference executor; it has to be exact enough to judge gradients in f64. */

const SERIES_LIMIT = 2.5 // below: Maclaurin series; above: continued fraction of erfc. Both reach 1e-15 there.

/** erf(x), relative error below 1e-14. Series: Abramowitz and Stegun 7.1.6; fraction: 7.1.14. */
export function erf(x: number): number {
  const z = Math.abs(x)
  if (Number.isNaN(x)) return x
  if (z > 6) return Math.sign(x) // erfc(6) < 2.2e-17
  if (z < SERIES_LIMIT) {
    let term = z
    let sum = z
    for (let n = 1; Math.abs(term) > 1e-17 * sum; n++) {
      term *= (2 * z * z) / (2 * n + 1)
      sum += term
    }
    return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * Math.exp(-z * z) * sum
  }
  let fraction = 0
  for (let n = 60; n >= 1; n--) fraction = n / 2 / (z + fraction)
  return Math.sign(x) * (1 - Math.exp(-z * z) / (Math.sqrt(Math.PI) * (z + fraction)))
}
