/**
 * What `barrier` promises: its values only after all of what it waits for, and nothing merged across it. Programs are pure, so values do not
 * tell the order; errors do, since a run stops at its first one, and so does memory, where the backend can be asked for it.
 */
import {
  add,
  type Backend,
  barrier,
  cos,
  EspalierError,
  type Executable,
  feed,
  gatherAlong,
  gatherRows,
  hostTensor,
  mul,
  type Program,
  reduceSum,
  sin,
  type Tensor,
} from '@espalier/core'
import { type Check, expectThat } from '../check.js'
import { EXACT, expectClose } from '../compare.js'

/** Bytes of intermediate values that a run holds at its peak; `run` runs the executable once. */
export type MeasurePeak = (executable: Executable, run: () => Promise<unknown>) => number | Promise<number>

/** Checks of order; of memory too, where it can be measured. */
export function barrierChecks(
  backend: () => Promise<Backend>,
  { peakBytes }: { readonly peakBytes?: MeasurePeak } = {},
): Check[] {
  const orders = [gathersFirst, gathersLast].flatMap((pair) =>
    (['gated', 'late', undefined] as const).map((first) => ({
      name: `barrier: ${pair.late} runs before what waits for it${first === undefined ? ', read by nothing else' : `, outputs from the ${first} one on`}`,
      run: async () => keepsOrder(await backend(), pair, first),
    })),
  )
  if (peakBytes === undefined) return orders
  return [
    ...orders,
    {
      name: 'barrier: what is computed again behind it need not be held',
      run: async () => savesMemory(await backend(), peakBytes),
    },
  ]
}

/** Two ops that fail on an index outside, so that the error says which ran first. */
interface Pair {
  readonly late: string
  before(x: Tensor, index: Tensor): Tensor
  after(x: Tensor, index: Tensor): Tensor
}

const along = (x: Tensor, index: Tensor) => gatherAlong(x, index, 1)
const gathersFirst: Pair = { late: 'gatherRows', before: gatherRows, after: along }
const gathersLast: Pair = { late: 'gatherAlong', before: along, after: gatherRows }

async function keepsOrder(backend: Backend, { late, before, after }: Pair, first: 'gated' | 'late' | undefined) {
  const x = feed('x', 'f32', [2, 3])
  const offset = feed('offset', 'i32', [])
  const index = add(feed('index', 'i32', [2, 1]), offset) // computed: what is fed may be checked before anything runs
  const waitedFor = before(x, index)
  const [gated] = barrier([add(index, offset)], [waitedFor]) as readonly [Tensor]
  const y = after(x, gated)
  const outputs: Program['outputs'] = first === 'gated' ? { y, waitedFor } : first === 'late' ? { waitedFor, y } : { y }
  const executable = await backend.compile({ name: 'ordered', outputs })
  const feeds = (start: number) => ({
    x: hostTensor('f32', [2, 3], [1, 2, 3, 4, 5, 6]),
    index: hostTensor('i32', [2, 1], [1, 0]),
    offset: hostTensor('i32', [], [start]),
  })
  const error = await executable.run({ feeds: feeds(5) }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  const op = EspalierError.isInstance(error) ? error.details.op : String(error)
  expectThat(op === late, 'what follows a barrier ran before what it waits for', { failedFirst: op, want: late })
  const rows = hostTensor('f32', [2, 1, 3], [4, 5, 6, 1, 2, 3])
  const entries = hostTensor('f32', [2, 1], [2, 4])
  const right = (await executable.run({ feeds: feeds(0) })).y
  expectClose(right, after === gatherRows ? rows : entries, EXACT, 'y')
  executable.release()
}

const SHAPE = [512, 1024] // 2 MB each: a scheduler may leave small values where they are
const STEPS = 8

// The derivative of sin(sin(...x)) needs every step's input. Computed again from the middle on, half of them are enough.
function chain(again: boolean): Program {
  const x = feed('x', 'f32', SHAPE)
  const steps = (from: Tensor) => {
    const values = [from]
    for (let i = 1; i < STEPS / 2; i++) values.push(sin(values[i - 1] as Tensor))
    return values
  }
  const low = steps(x)
  const high = steps(sin(low.at(-1) as Tensor))
  let slope = sin(high.at(-1) as Tensor)
  for (const part of [high, low]) {
    const values = again ? steps(barrier([part[0] as Tensor], [slope])[0] as Tensor) : part
    for (const value of values.reverse()) slope = mul(slope, cos(value))
  }
  return { name: again ? 'again' : 'held', outputs: { slope: reduceSum(slope) } }
}

async function savesMemory(backend: Backend, peakBytes: MeasurePeak): Promise<void> {
  const peakOf = async (program: Program) => {
    const executable = await backend.compile(program)
    const run = () => executable.run({ feeds: { x: hostTensor('f32', SHAPE) } })
    const peak = await peakBytes(executable, run)
    executable.release()
    return peak
  }
  const [held, again] = [await peakOf(chain(false)), await peakOf(chain(true))]
  // 8 values and the slope, or 4, the slope, a middle one and the one being made.
  expectThat(again <= 0.85 * held, 'values that are computed again behind a barrier are held all the same', {
    held,
    again,
  })
}
