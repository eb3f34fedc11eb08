/** Indices outside their tensors: an error that names the op, from every backend, and nothing else happens. */
import {
  add,
  type Backend,
  EspalierError,
  feed,
  gatherAlong,
  gatherRows,
  type HostTensor,
  hostTensor,
  input,
  type Program,
  scatterAddRows,
  type Tensor,
  writeRows,
} from '@espalier/core'
import { type Check, expectThat } from '../check.js'
import { EXACT, expectClose } from '../compare.js'

const table = hostTensor('f32', [3, 2], [1, 2, 3, 4, 5, 6])

interface Addressing {
  /** The op that the error names. */
  readonly op: string
  readonly feeds: Readonly<Record<string, HostTensor>>
  /** What is to be fed as `index`, from one number. */
  readonly index: (value: number) => HostTensor
  readonly outside: readonly number[]
  readonly build: (index: Tensor) => Tensor
}

const three = (value: number) => hostTensor('i32', [3], [0, value, 1])
const x = () => feed('x', 'f32', [3, 2])

// -1 is the last row to kernels that count from the end, and 3 the first one past it.
const addressings: Readonly<Record<string, Addressing>> = {
  gatherRows: {
    op: 'gatherRows',
    feeds: { x: table },
    index: three,
    outside: [-1, 3, -4, 2147483647, -2147483648],
    build: (index) => gatherRows(x(), index),
  },
  'gatherRows by u32': {
    op: 'gatherRows',
    feeds: { x: table },
    index: (value) => hostTensor('u32', [2], [value, 0]),
    outside: [3, 4294967295],
    build: (index) => gatherRows(x(), index),
  },
  gatherAlong: {
    op: 'gatherAlong',
    feeds: { x: table },
    index: (value) => hostTensor('i32', [3, 1], [0, value, 1]),
    outside: [-1, 2, -3, 2147483647],
    build: (index) => gatherAlong(x(), index, 1),
  },
  scatterAddRows: {
    op: 'scatterAddRows',
    feeds: { x: table },
    index: three,
    outside: [-1, 4, -5, 2147483647],
    build: (index) => scatterAddRows(index, x(), 4),
  },
  writeRows: {
    op: 'writeRows',
    feeds: { x: table, rows: hostTensor('f32', [2, 2], [7, 8, 9, 10]) },
    index: (value) => hostTensor('i32', [], [value]),
    outside: [-1, 2, 3, 2147483647],
    build: (index) => writeRows(x(), index, feed('rows', 'f32', [2, 2]), 0),
  },
  'writeRows of all rows': {
    op: 'writeRows',
    feeds: { x: table, rows: table },
    index: (value) => hostTensor('i32', [], [value]),
    outside: [-1, 1],
    build: (index) => writeRows(x(), index, feed('rows', 'f32', [3, 2]), 0),
  },
  'writeRows into its own state slot': {
    op: 'writeRows',
    feeds: { rows: hostTensor('f32', [2, 2], [7, 8, 9, 10]) },
    index: (value) => hostTensor('i32', [], [value]),
    outside: [-1, 2, 2147483647],
    build: (index) => writeRows(input('state', 'held', 'f32', [3, 2]), index, feed('rows', 'f32', [2, 2]), 0),
  },
}

/** Checks of indices outside: as they are fed, and computed within the program. */
export function indexChecks(backend: () => Promise<Backend>): Check[] {
  return Object.entries(addressings).flatMap(([name, one]) =>
    [false, true].map((computed) => ({
      name: `indices: ${name} refuses what lies outside${computed ? ', also when it is computed' : ''}, and state stays`,
      run: async () => refuses(await backend(), one, computed),
    })),
  )
}

async function refuses(backend: Backend, { op, feeds, index, outside, build }: Addressing, computed: boolean) {
  const { dtype, shape } = index(0)
  const fed = feed('index', dtype, shape)
  const program: Program = {
    name: `outside ${op}`,
    outputs: {},
    updates: {
      held: build(computed ? add(fed, feed('offset', dtype, [])) : fed),
      total: add(input('state', 'total', 'f32', []), 1),
    },
  }
  const executable = await backend.compile(program)
  const given = computed ? { ...feeds, offset: hostTensor(dtype, [], [0]) } : feeds
  const start = new Map([
    ['held', hostTensor('f32', program.updates?.held?.shape ?? [])],
    ['total', hostTensor('f32', [], [0])],
  ])
  const set = await backend.createState(start)
  const run = (value: number) => executable.run({ feeds: { ...given, index: index(value) }, state: [{ set }] })
  for (const value of outside) {
    await expectOutside(op, value, () => run(value))
    for (const [name, tensor] of start)
      expectClose((await set.read()).get(name), tensor, EXACT, `${name} after the index ${value}`)
  }
  await run(0)
  expectClose((await set.read()).get('total'), hostTensor('f32', [], [1]), EXACT, 'total after a right run')
  executable.release()
  set.release()
}

async function expectOutside(op: string, index: number, action: () => Promise<unknown>): Promise<void> {
  const error = await action().then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  const got = EspalierError.isInstance(error) ? { code: error.code, op: error.details.op } : { error: String(error) }
  const right = got.code === 'shape.mismatch' && got.op === op
  expectThat(right, 'an index outside is not refused as core says (indexError)', { op, index, ...got })
}
