/** Weights: read once from any storage dtype, shared by executables, refused when they do not fit. */
import {
  type Backend,
  type DType,
  dtypes,
  feed,
  hostTensor,
  input,
  matmul,
  mul,
  type ParameterSource,
  type Program,
  toFloat32,
} from '@espalier/core'
import { type Check, expectError, expectThat } from '../check.js'
import { EXACT, expectClose } from '../compare.js'

interface CountedSource extends ParameterSource {
  reads: number
}

/** Checks of weight sets. */
export function weightChecks(backend: () => Promise<Backend>, storage: readonly DType[]): Check[] {
  const check = (name: string, run: (own: Backend) => Promise<void>): Check => ({
    name: `weights: ${name}`,
    run: async () => run(await backend()),
  })
  return [
    check('a program reads them beside feeds', async (own) => {
      const weights = await own.loadWeights(
        new Map([['w.weight', { source: source('f32', [2, 3], [1, 2, 3, 4, 5, 6]), dtype: 'f32' }]]),
      )
      const program: Program = {
        name: 'linear',
        outputs: {
          y: matmul(feed('x', 'f32', [1, 3]), input('weight', 'w.weight', 'f32', [2, 3]), { transposeB: true }),
        },
      }
      const executable = await own.compile(program, { weights })
      const { y } = await executable.run({ feeds: { x: hostTensor('f32', [1, 3], [1, 1, 2]) } })
      expectClose(y, hostTensor('f32', [1, 2], [9, 21]), EXACT, 'y')
      expectThat(weights.names.has('w.weight'), 'the set knows its names', { names: [...weights.names] })
      executable.release()
      weights.release()
    }),
    ...storage
      .filter((dtype) => dtypes.includes(dtype))
      .map((dtype) =>
        check(`${dtype} in the file is read as f32`, async (own) => {
          const values = dtype === 'u8' || dtype === 'i8' ? [0, 1, 100, 127] : [0, 0.5, -1.25, 96]
          const weights = await own.loadWeights(
            new Map([['w', { source: source(dtype, [2, 2], values), dtype: 'f32' }]]),
          )
          const executable = await own.compile(scaled([2, 2]), { weights })
          const want = toFloat32(hostTensor(dtype, [2, 2], values)).map((x) => 2 * x)
          expectClose((await executable.run({})).y, hostTensor('f32', [2, 2], want), EXACT, 'y')
          executable.release()
          weights.release()
        }),
      ),
    check('executables share a set, and a set outlives another of the same sources', async (own) => {
      const file = source('f32', [3], [1, 2, 3])
      const [first, second] = [
        await own.loadWeights(new Map([['w', { source: file, dtype: 'f32' }]])),
        await own.loadWeights(new Map([['w', { source: file, dtype: 'f32' }]])),
      ]
      const [a, b] = [
        await own.compile(scaled([3]), { weights: first }),
        await own.compile(scaled([3]), { weights: second }),
      ]
      expectClose((await a.run({})).y, hostTensor('f32', [3], [2, 4, 6]), EXACT, 'of the first set')
      a.release()
      first.release()
      expectClose(
        (await b.run({})).y,
        hostTensor('f32', [3], [2, 4, 6]),
        EXACT,
        'of the second set after the first was released',
      )
      b.release()
      second.release()
    }),
    check('equal programs with other weights give other results', async (own) => {
      const sets = [
        await own.loadWeights(new Map([['w', { source: source('f32', [2], [1, 2]), dtype: 'f32' }]])),
        await own.loadWeights(new Map([['w', { source: source('f32', [2], [5, 6]), dtype: 'f32' }]])),
      ]
      const executables = await Promise.all(sets.map((weights) => own.compile(scaled([2]), { weights })))
      const results = await Promise.all(executables.map((one) => one.run({})))
      expectClose(results[0]?.y, hostTensor('f32', [2], [2, 4]), EXACT, 'of the first set')
      expectClose(results[1]?.y, hostTensor('f32', [2], [10, 12]), EXACT, 'of the second set')
      for (const one of [...executables, ...sets]) one.release()
    }),
    check('a missing or ill-shaped weight is refused with graph.slot', async (own) => {
      const weights = await own.loadWeights(new Map([['w', { source: source('f32', [3], [1, 2, 3]), dtype: 'f32' }]]))
      const attempt = (program: Program, set: typeof weights | undefined) => async () => {
        const executable = await own.compile(program, { weights: set })
        await executable.run({})
      }
      await expectError('graph.slot', 'a program without its weights', attempt(scaled([3]), undefined))
      await expectError('graph.slot', 'a program with weights of another shape', attempt(scaled([1, 3]), weights))
      weights.release()
    }),
    check('a source that failed is read again at the next attempt', async (own) => {
      const file = source('f32', [1], [4])
      let fail = true
      const flaky: ParameterSource = {
        dtype: 'f32',
        shape: [1],
        read: () => (fail ? Promise.reject(new Error('the disk is gone')) : file.read()),
      }
      const load = () => own.loadWeights(new Map([['w', { source: flaky, dtype: 'f32' }]]))
      let failed = false
      await load().catch(() => {
        failed = true
      })
      expectThat(failed, 'a failed read reaches the caller')
      fail = false
      const weights = await load()
      const executable = await own.compile(scaled([1]), { weights })
      expectClose((await executable.run({})).y, hostTensor('f32', [1], [8]), EXACT, 'y')
      executable.release()
      weights.release()
    }),
  ]
}

/** The weight `w` doubled. */
function scaled(shape: readonly number[]): Program {
  return { name: 'scaled', outputs: { y: mul(input('weight', 'w', 'f32', shape), 2) } }
}

function source(dtype: DType, shape: readonly number[], values: readonly number[]): CountedSource {
  const { data } = hostTensor(dtype, shape, values)
  const own: CountedSource = {
    dtype,
    shape,
    reads: 0,
    read() {
      own.reads++
      return Promise.resolve(new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice())
    },
  }
  return own
}
