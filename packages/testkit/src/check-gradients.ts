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
    const want = await centralDifferences(loss, graphCase.feeds, name)
    expectClose(got[`d ${name}`], want, gradientTolerance(want, relative), `gradient of "${graphCase.name}" by ${name}`)
  }
}

/** Central differences of a program's scalar output `loss` by every element of one feed, as f64. */
export async function centralDifferences(
  loss: Executable,
  feeds: Readonly<Record<string, HostTensor>>,
  name: string,
): Promise<HostTensor> {
  const source = feeds[name] as HostTensor
  const values = toFloat64(source)
  const slopes = new Float64Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const at = async (step: number) => {
      const moved = values.slice()
      moved[i] = (values[i] as number) + step
      const tensor = hostTensor(source.dtype, source.shape, Array.from(moved))
      const { loss: value } = await loss.run({ feeds: { ...feeds, [name]: tensor } })
      return { x: toFloat64(tensor)[i] as number, y: toFloat64(value as HostTensor)[0] as number }
    }
    const [above, below] = [await at(STEP), await at(-STEP)]
    slopes[i] = (above.y - below.y) / (above.x - below.x)
  }
  return { dtype: 'f64', shape: source.shape, data: slopes }
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
