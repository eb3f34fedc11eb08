/** Floats as text, digit for digit as Python writes them: shortest (`repr`), and with a given number of digits, halves to even. */

/** The shortest text that reads back as the float. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  const [mantissa = '', exponent = '0'] = value.toExponential().split('e')
  const power = Number(exponent)
  if (power >= -4 && power < 16) {
    const digits = mantissa.replace(/[-.]/g, '')
    const sign = value < 0 ? '-' : ''
    if (power < 0) return `${sign}0.${'0'.repeat(-power - 1)}${digits}`
    const whole = digits.slice(0, power + 1).padEnd(power + 1, '0')
    return `${sign}${whole}.${digits.slice(power + 1) || '0'}`
  }
  return `${mantissa}e${exponentText(power)}`
}

/** An exponent with its sign and at least two digits. */
export function exponentText(power: number): string {
  return `${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
}

/** A finite float as a quotient of integers. */
export function exactRatio(value: number): readonly [numerator: bigint, denominator: bigint] {
  if (value === 0) return [0n, 1n]
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  const bits = view.getBigUint64(0)
  const exponent = Number((bits >> 52n) & 0x7ffn)
  const fraction = bits & ((1n << 52n) - 1n)
  const mantissa = (exponent === 0 ? fraction : fraction | (1n << 52n)) * (value < 0 ? -1n : 1n)
  const power = BigInt(Math.max(exponent, 1) - 1075)
  return power >= 0n ? [mantissa << power, 1n] : [mantissa, 1n << -power]
}

/** A quotient rounded to the nearest integer, halves to even. denominator: > 0. */
export function roundRatio(numerator: bigint, denominator: bigint): bigint {
  const isNegative = numerator < 0n
  const size = isNegative ? -numerator : numerator
  let quotient = size / denominator
  const twice = (size % denominator) * 2n
  if (twice > denominator || (twice === denominator && quotient % 2n === 1n)) quotient += 1n
  return isNegative ? -quotient : quotient
}

/** The size of a finite float with so many digits after the point, without a sign. */
export function fixedText(value: number, digits: number): string {
  const [numerator, denominator] = exactRatio(Math.abs(value))
  const text = String(roundRatio(numerator * 10n ** BigInt(digits), denominator)).padStart(digits + 1, '0')
  return digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`
}

/** The size of a finite float as so many + 1 digits and a power of ten. */
export function scientificDigits(value: number, digits: number): readonly [digits: string, power: number] {
  if (value === 0) return ['0'.repeat(digits + 1), 0]
  const [numerator, denominator] = exactRatio(Math.abs(value))
  let power = Number(value.toExponential().split('e')[1])
  const scaled = () => {
    const shift = BigInt(digits - power)
    return shift >= 0n
      ? roundRatio(numerator * 10n ** shift, denominator)
      : roundRatio(numerator, denominator * 10n ** -shift)
  }
  let text = String(scaled())
  if (text.length > digits + 1) {
    power += 1
    text = String(scaled())
  }
  return [text, power]
}
