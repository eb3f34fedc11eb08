/** Gradients against central differences in float64: the first judge of every derivative. */
import {
  type Backend,
  cast,
  type Executable,
  type HostTensor,
  hostTensor,
  isFloat,
  type Program,
  reference,
  toFloat64,
} from '@espalier/core'
import { expectClose, type Tolerance } from './compare.js'
import { caseInputs, caseProgram, differentiated, type GraphCase, weightedSum } from './graph-case.js'

// A power of two near 1e-5: adding it to a float32 value of ordinary size is exact, so float32 feeds can be judged in float64 too.
const STEP = 2 ** -17

// Elements of a feed that are moved: each costs two runs.
const MOST_ELEMENTS = 48

/** Options of `checkGradients`. */
export interface GradientOptions {
  /** What the graph runs on, in float64. Default: the reference executor. */
  readonly backend?: Backend
  /** Largest difference divided by the largest magnitude of the same gradient. Default 1e-6: rounding and truncation leave 1e-9. */
  readonly relative?: number
}

/** Throws testkit.difference when a gradient of the case differs from central differences. */
export async function checkGradients(graphCase: GraphCase, options: GradientOptions = {}): Promise<void> {
  const { backend = reference({ precision: 'f64' }), relative = 1e-6 } = options
  const derived = await backend.compile(caseProgram(graphCase))
  const { outputs } = derived.program
  const wide = await backend.compile({
    name: graphCase.name,
    outputs: Object.fromEntries(
      Object.entries(outputs).map(([name, x]) => [name, isFloat(x.dtype) ? cast(x, 'f64') : x]),
    ),
  })
  const got = await wide.run({ feeds: graphCase.feeds })
  const loss = await backend.compile(lossProgram(graphCase))
  for (const name of differentiated(graphCase)) {
    const elements = sampled((graphCase.feeds[name] as HostTensor).data.length)
    const want = await centralDifferences(loss, graphCase.feeds, name, elements)
    const found = toFloat64(got[`d ${name}`] as HostTensor)
    const picked = hostTensor(
      'f64',
      [elements.length],
      elements.map((i) => found[i] as number),
    )
    expectClose(
      picked,
      want,
      gradientTolerance(want, relative),
      `gradient of "${graphCase.name}" by ${name}, elements ${elements}`,
    )
  }
}

/** Central differences of a program's scalar output `loss` by some elements of one feed, as f64. */
export async function centralDifferences(
  loss: Executable,
  feeds: Readonly<Record<string, HostTensor>>,
  name: string,
  elements: readonly number[],
): Promise<HostTensor> {
  const source = feeds[name] as HostTensor
  const values = toFloat64(source)
  const slopes: number[] = []
  for (const i of elements) {
    const at = async (step: number) => {
      const moved = Array.from(values)
      moved[i] = (values[i] as number) + step
      const tensor = hostTensor(source.dtype, source.shape, moved)
      const { loss: value } = await loss.run({ feeds: { ...feeds, [name]: tensor } })
      return { x: toFloat64(tensor)[i] as number, y: toFloat64(value as HostTensor)[0] as number }
    }
    const [above, below] = [await at(STEP), await at(-STEP)]
    slopes.push((above.y - below.y) / (above.x - below.x))
  }
  return hostTensor('f64', [slopes.length], slopes)
}

/** Indices spread over a tensor of `size` elements, all of them when they are few. */
function sampled(size: number): number[] {
  const count = Math.min(size, MOST_ELEMENTS)
  return Array.from({ length: count }, (_, i) => Math.floor((i * size) / count))
}

/** Relative to the largest magnitude in the gradient: an element that is small by cancellation is known no better. */
export function gradientTolerance(want: HostTensor, relative: number): Tolerance {
  const largest = toFloat64(want).reduce((most, x) => Math.max(most, Math.abs(x)), 0)
  return { absolute: relative * Math.max(largest, 1e-3), relative }
}

function lossProgram(graphCase: GraphCase): Program {
  return {
    name: graphCase.name,
    outputs: { loss: cast(weightedSum(graphCase.build(...Object.values(caseInputs(graphCase)))), 'f64') },
  }
}
