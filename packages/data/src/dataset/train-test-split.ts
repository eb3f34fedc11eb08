/** Which rows a split gives to training and to testing: scikit-learn's rules, as datasets' train_test_split has them. */
import { checkOptions, drawSeed, EspalierError, Random } from '@espalier/core'

/** Options of `trainTestSplit`. A size is a share of the rows, between 0 and 1, or a number of them, from 1. */
export interface TrainTestSplitOptions {
  /** Default: what trainSize leaves; a quarter without one. */
  readonly testSize?: number
  /** Default: what testSize leaves. */
  readonly trainSize?: number
  /** The same seed gives the same parts everywhere, others than in Python. Default: drawn. */
  readonly seed?: number
  /** false takes the rows in order, the training rows first. Default true. */
  readonly shuffle?: boolean
}

/** Numbers of the rows of each part. */
export interface SplitRows {
  readonly train: Int32Array
  readonly test: Int32Array
}

const DEFAULT_TEST_SIZE = 0.25 // datasets

/** The split of any number of rows. Throws config.* for wrong options; the result throws config.value when a part would be empty, or both would be more than there are. */
export function splitter(options: TrainTestSplitOptions): (count: number) => SplitRows {
  checkOptions<TrainTestSplitOptions>('trainTestSplit', options, {
    testSize: 'number',
    trainSize: 'number',
    seed: 'seed',
    shuffle: 'boolean',
  })
  for (const name of ['testSize', 'trainSize'] as const) requireSize(name, options[name])
  const { shuffle = true, seed = drawSeed() } = options
  return (count) => {
    const { train, test } = counts(count, options)
    const order = shuffle ? new Random(seed).permutation(count) : Int32Array.from({ length: count }, (_, row) => row)
    return shuffle
      ? { test: order.subarray(0, test), train: order.subarray(test, test + train) }
      : { train: order.subarray(0, train), test: order.subarray(train, train + test) }
  }
}

function requireSize(name: string, size: number | undefined): void {
  if (size === undefined || (size > 0 && size < 1) || (Number.isSafeInteger(size) && size >= 1)) return
  throw new EspalierError('config.value', {
    what: `${name} is a share of the rows between 0 and 1, or a whole number of them from 1`,
    got: { [name]: size },
  })
}

// A share of test rows is rounded up, one of training rows down.
function counts(count: number, sizes: TrainTestSplitOptions): { readonly train: number; readonly test: number } {
  const { trainSize, testSize = trainSize === undefined ? DEFAULT_TEST_SIZE : undefined } = sizes
  const givenTest = testSize === undefined ? undefined : rowsOf(testSize, count, Math.ceil)
  const givenTrain = trainSize === undefined ? undefined : rowsOf(trainSize, count, Math.floor)
  const test = givenTest ?? count - (givenTrain ?? 0)
  const train = givenTrain ?? count - test
  if (train > 0 && test > 0 && train + test <= count) return { train, test }
  throw new EspalierError('config.value', {
    what: 'the rows are too few to be split like this',
    got: { rows: count, train, test },
    fix: 'Give sizes that leave rows for both parts',
  })
}

function rowsOf(size: number, count: number, round: (value: number) => number): number {
  return size < 1 ? round(size * count) : size
}
