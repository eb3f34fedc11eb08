/** Cases of weights in four bits: alone, and within the products that backends may decode them in. */
import { add, type DType, dequantizeFourBit, matmul, mul, reduceSum } from '@espalier/core'
import { type GraphCase, spread, whole } from '../graph-case.js'

// NormalFloat, what bitsandbytes calls FP4, and a table that no kernel has. Every byte there is stands in the products' weights.
const NF4 = [
  -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
  -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
  0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
]
const TWELFTHS = [0, 0.0625, 8, 12, 4, 6, 2, 3]
const FP4 = [...TWELFTHS, ...TWELFTHS.map((x) => -x)].map((x) => Math.fround(x / 12))
const CUBES = Array.from({ length: 16 }, (_, i) => ((i - 7.5) / 7.5) ** 3)

/** Values and gradients of the call `dequantizeFourBit`. */
export function fourBitCases(dtype: DType): GraphCase[] {
  const inProduct = ([name, values, transposeB]: readonly [string, readonly number[], boolean]): GraphCase => ({
    name: `dequantizeFourBit (8,64), ${name}, within a product${transposeB ? ' with its transpose' : ''}`,
    feeds: {
      x: spread(dtype, [2, 3, transposeB ? 64 : 8], 47),
      codes: whole('u8', [256, 1], 48, 0, 256),
      scales: spread(dtype, [32], 49, 0.5, 2),
      bias: spread(dtype, [transposeB ? 8 : 64], 50),
    },
    differentiate: ['x', 'bias'], // with the scales', something else than products would read the floats
    build: (x, codes, scales, bias) => {
      const weight = dequantizeFourBit(codes, scales, { values, blockSize: 16, shape: [8, 64] })
      return [add(mul(matmul(x, weight, { transposeB }), 0.5), bias), matmul(x, weight, { transposeB })]
    },
  })
  return [
    {
      name: 'dequantizeFourBit (3,5), the last block short',
      feeds: { codes: whole('u8', [8], 51, 0, 256), scales: spread(dtype, [4], 52) },
      build: (codes, scales) => [dequantizeFourBit(codes, scales, { values: CUBES, blockSize: 4, shape: [3, 5] })],
    },
    {
      name: 'dequantizeFourBit (4,32), read by a product and by a sum',
      feeds: { x: spread(dtype, [2, 32], 53), codes: whole('u8', [64], 54, 0, 256), scales: spread(dtype, [8], 55) },
      build: (x, codes, scales) => {
        const weight = dequantizeFourBit(codes, scales, { values: NF4, blockSize: 16, shape: [4, 32] })
        return [matmul(x, weight, { transposeB: true }), reduceSum(weight)]
      },
    },
    ...(
      [
        ['NF4', NF4, true],
        ['NF4', NF4, false],
        ['FP4', FP4, true],
        ['FP4', FP4, false],
        ['cubes', CUBES, true],
      ] as const
    ).map(inProduct),
  ]
}
