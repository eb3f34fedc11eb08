/** The whole number nearest to x, of two the even one: as torch.round. |x| below 2^51. */
export function roundHalfEven(x: number): number {
  return x + WHOLE - WHOLE
}

const WHOLE = 1.5 * 2 ** 52 // float64 has no fractions there, so the sum is rounded, half to even
