/** What merging into packed weights loses: sums of the base and the adapter are encoded again, and codes stand for few floats. */
import type { Backend } from '../backend/backend.js'
import type { HostTensor } from '../dtype.js'
import { mul, sub } from '../graph/ops/binary.js'
import { input } from '../graph/ops/input.js'
import { reduceMax, reduceSum } from '../graph/ops/reduce.js'
import { abs } from '../graph/ops/unary.js'
import type { Tensor } from '../graph/tensor.js'
import { Parameter } from '../module/parameter.js'
import { memorySource } from '../module/scope.js'
import type { Weight } from '../module/weight.js'

/** The loss of one weight. */
export interface MergeLoss {
  /** The largest difference between a float and what its code stands for. */
  readonly largest: number
  /** The differences' root mean square, of that of the adapters' change. From 1 on more is lost than merged: weights in few bits round small changes away. */
  readonly ofChange: number
}

/** A packed weight with what was merged into it. */
export interface EncodedWeight {
  readonly name: string
  readonly weight: Weight
  readonly floats: HostTensor
  /** What the floats became, in the order of the weight's parameters. */
  readonly values: readonly HostTensor[]
  /** Sum of the squares of the adapters' change. */
  readonly change: number
}

/** Losses by name: decodes what was encoded and compares. */
export async function mergeLosses(
  backend: Backend,
  encoded: readonly EncodedWeight[],
): Promise<(readonly [name: string, loss: MergeLoss])[]> {
  if (encoded.length === 0) return []
  // Layers may share parameters and differ in what is merged: slots go by number.
  const parameters = encoded.map(({ values }, i) =>
    values.map((value, j) => new Parameter(`${i}.${j}`, value.dtype, value.shape, memorySource(value))),
  )
  const outputs: Record<string, Tensor> = {}
  for (const [i, { weight, floats }] of encoded.entries()) {
    const decoded = weight.withParameters(parameters[i] as readonly Parameter[]).value()
    const lost = sub(decoded, input('feed', `floats.${i}`, 'f32', floats.shape))
    outputs[`largest.${i}`] = reduceMax(abs(lost))
    outputs[`squares.${i}`] = reduceSum(mul(lost, lost))
  }
  const slots = parameters.flat().map((own) => [own.slotName, { source: own.source, dtype: own.dtype }] as const)
  const weights = await backend.loadWeights(new Map(slots))
  try {
    const executable = await backend.compile({ name: 'merge-loss', outputs }, { weights })
    try {
      const feeds = Object.fromEntries(encoded.map(({ floats }, i) => [`floats.${i}`, floats]))
      const found = await executable.run({ feeds })
      const of = (name: string) => Number(found[name]?.data[0])
      return encoded.map(({ name, change }, i) => {
        const squares = of(`squares.${i}`)
        const ofChange = squares === 0 ? 0 : Math.sqrt(squares / change)
        return [name, { largest: of(`largest.${i}`), ofChange }] as const
      })
    } finally {
      executable.release()
    }
  } finally {
    weights.release()
  }
}
