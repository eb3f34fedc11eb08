/** Releasing and closing: what is gone says so, and what is left works. */
import {
  add,
  type Backend,
  feed,
  hostTensor,
  input,
  mul,
  type ParameterSource,
  type StateSet,
  type WeightSet,
} from '@espalier/core'
import { type Check, expectError } from '../check.js'
import { EXACT, expectClose } from '../compare.js'

const one = (value: number) => hostTensor('f32', [1], [value])

/** Checks of release and close; the last one closes the backend of the suite. */
export function lifecycleChecks(
  backend: () => Promise<Backend>,
  createBackend: () => Backend | Promise<Backend>,
): Check[] {
  const check = (name: string, run: (own: Backend) => Promise<void>): Check => ({
    name: `lifecycle: ${name}`,
    run: async () => run(await backend()),
  })
  return [
    check(
      'a released executable or state set refuses use with backend.closed; releasing twice does no harm',
      async (own) => {
        const total = input('state', 'total', 'f32', [1])
        const executable = await own.compile({
          name: 'lifecycle',
          outputs: { total },
          updates: { total: add(total, feed('x', 'f32', [1])) },
        })
        const set = await own.createState(new Map([['total', one(1)]]))
        const other = await own.createState(new Map([['total', one(5)]]))
        await executable.run({ feeds: { x: one(2) }, state: [{ set }] })
        set.release()
        set.release()
        await expectError('backend.closed', 'reading released state', () => set.read())
        await expectError('backend.closed', 'running on released state', () =>
          executable.run({ feeds: { x: one(2) }, state: [{ set }] }),
        )
        expectClose(
          (await executable.run({ feeds: { x: one(2) }, state: [{ set: other }] })).total,
          one(5),
          EXACT,
          'on another set',
        )
        executable.release()
        executable.release()
        await expectError('backend.closed', 'running a released executable', () =>
          executable.run({ feeds: { x: one(2) }, state: [{ set: other }] }),
        )
        expectClose((await other.read()).get('total'), one(7), EXACT, 'state after its executable was released')
        other.release()
      },
    ),
    check('weights and state of another backend are refused with graph.slot', async (own) => {
      const names: ReadonlySet<string> = new Set(['x'])
      const release = () => {}
      const weights: WeightSet = { names, byteLength: 4, release }
      const x = input('weight', 'x', 'f32', [1])
      await expectError('graph.slot', 'compiling', () =>
        own.compile({ name: 'foreign', outputs: { y: mul(x, 2) } }, { weights }),
      )
      const state: StateSet = {
        specs: new Map([['x', { dtype: 'f32', shape: [1] }]]),
        byteLength: 4,
        read: async () => new Map([['x', one(1)]]),
        write: async () => {},
        release,
      }
      const executable = await own.compile({
        name: 'foreign',
        outputs: { y: mul(input('state', 'x', 'f32', [1]), 2) },
      })
      await expectError('graph.slot', 'running', () => executable.run({ state: [{ set: state }] }))
      executable.release()
    }),
    {
      name: 'lifecycle: two backends do not disturb each other',
      async run() {
        const [first, second] = [await createBackend(), await createBackend()]
        const program = { name: 'double', outputs: { y: mul(feed('x', 'f32', [1]), 2) } }
        const executable = await second.compile(program)
        await (await first.compile(program)).run({ feeds: { x: one(1) } })
        await first.close()
        expectClose((await executable.run({ feeds: { x: one(4) } })).y, one(8), EXACT, 'after the other was closed')
        await second.close()
      },
    },
    check('a closed backend refuses use with backend.closed; closing twice does no harm', async (own) => {
      const executable = await own.compile({ name: 'double', outputs: { y: mul(feed('x', 'f32', [1]), 2) } })
      await own.close()
      await own.close()
      const file: ParameterSource = { dtype: 'f32', shape: [1], read: async () => new Uint8Array(4) }
      await expectError('backend.closed', 'running after close', () => executable.run({ feeds: { x: one(1) } }))
      await expectError('backend.closed', 'compiling after close', () =>
        own.compile({ name: 'again', outputs: { y: feed('x', 'f32', [1]) } }),
      )
      await expectError('backend.closed', 'creating state after close', () => own.createState(new Map([['x', one(1)]])))
      await expectError('backend.closed', 'loading weights after close', () =>
        own.loadWeights(new Map([['w', { source: file, dtype: 'f32' }]])),
      )
    }),
  ]
}
