/** The tables of code values that bitsandbytes packs with: what each code of 4 or 8 bits stands for, between -1 and 1. */

/** What the codes of a table stand for, and where one ends and the next begins. */
export interface CodeTable {
  /** By code. */
  readonly values: Float32Array
  /** Codes in the order of their values. */
  readonly order: Uint8Array
  /** Half way between neighbouring values, in float32, and infinity at last: a value belongs above each that is smaller than it. */
  readonly bounds: Float32Array
  /** By bucket (see `bucketOf`): how many bounds lie in buckets below it, from where a value's place is counted on. */
  readonly below: Uint8Array
  /** Half of the widest step between neighbours: no value within the table's range is further from its code's. */
  readonly halfStep: number
}

/** The four-bit types. */
export type FourBitType = 'nf4' | 'fp4'

const EXPONENTS = 7 // of the dynamic code
const BUCKETS = 2048 // to each side of 0: narrower than any step of four bits

/** NormalFloat: quantiles of the normal distribution. Source: arXiv:2305.14314 §3 and appendix E. */
const NF4 = table([
  -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
  -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
  0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
])

// Sign, two bits of exponent, one of fraction, in units of a twelfth. Source: bitsandbytes' get_4bit_type.
const FP4_TWELFTHS = [0, 0.0625, 8, 12, 4, 6, 2, 3]
const FP4 = table([...FP4_TWELFTHS, ...FP4_TWELFTHS.map((value) => -value)].map((value) => value / 12))

/** Equal parts of -1 to 1, which x lies in, that say without a search where about in a table it belongs. Larger for no smaller x. */
export function bucketOf(x: number): number {
  return ((x + 1) * BUCKETS) | 0
}

/** The table of a four-bit type, in the order of its bit patterns. */
export function fourBitTable(type: FourBitType): CodeTable {
  return type === 'nf4' ? NF4 : FP4
}

/** The 256 values of the signed dynamic code. */
export const signedDynamic: CodeTable = table(dynamicMap(true))
/** The 256 values of the unsigned dynamic code. */
export const unsignedDynamic: CodeTable = table(dynamicMap(false))

function table(numbers: readonly number[]): CodeTable {
  const values = Float32Array.from(numbers)
  const order = Uint8Array.from(values.keys()).sort((a, b) => at(values, a) - at(values, b) || a - b)
  const steps = Array.from(order.subarray(1), (code, i) => [at(values, at(order, i)), at(values, code)] as const)
  const bounds = Float32Array.from([
    ...steps.map(([low, high]) => Math.fround(low + high) / 2),
    Number.POSITIVE_INFINITY,
  ])
  const buckets = Array.from(bounds.subarray(0, -1), bucketOf)
  const below = Uint8Array.from({ length: 2 * BUCKETS + 1 }, (_, i) => buckets.filter((bucket) => bucket < i).length)
  const halfStep = Math.max(...steps.map(([low, high]) => (high - low) / 2))
  return { values, order, bounds, below, halfStep }
}

// A moving indicator bit parts each code into an exponent and a linear fraction. Source: arXiv:1511.04561 §2 and arXiv:2110.02861 §1.3.
function dynamicMap(signed: boolean): number[] {
  const made = [0, 1]
  for (let i = 0; i < EXPONENTS; i++) {
    const power = Math.fround(10 ** (i - (EXPONENTS - 1)))
    const fractions = linearFractions(2 ** (signed ? i : i + 1))
    for (const fraction of fractions) made.push(Math.fround(power * fraction))
    if (signed) for (const fraction of fractions) made.push(-Math.fround(power * fraction))
  }
  return made.sort((a, b) => a - b)
}

// The middles of equal parts of 0.1 to 1, rounded as torch.linspace rounds: from both ends to the middle.
function linearFractions(parts: number): number[] {
  const [start, end] = [Math.fround(0.1), 1]
  const step = Math.fround(Math.fround(end - start) / parts)
  const edges = Array.from({ length: parts + 1 }, (_, i) =>
    i < (parts + 1) / 2
      ? Math.fround(start + Math.fround(step * i))
      : Math.fround(end - Math.fround(step * (parts - i))),
  )
  return edges.slice(1).map((edge, i) => Math.fround(edge + at(edges, i)) / 2)
}

function at(values: ArrayLike<number>, i: number): number {
  return values[i] as number
}
