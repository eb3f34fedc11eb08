/** State: updates of a run are committed together or not at all; executables meet their state late; sets are read and written whole. */
import {
  add,
  type Backend,
  type Executable,
  feed,
  hostTensor,
  input,
  mul,
  not,
  type Program,
  reduceSum,
  type StateSet,
  type Tensor,
  writeRows,
} from '@espalier/core'
import { type Check, expectError, expectThat } from '../check.js'
import { EXACT, expectClose } from '../compare.js'

const two = (a: number, b: number) => hostTensor('f32', [2], [a, b])
const slot = (name: string) => input('state', name, 'f32', [2])

/** Checks of state sets and updates. */
export function stateChecks(backend: () => Promise<Backend>): Check[] {
  const check = (name: string, run: (own: Backend) => Promise<void>): Check => ({
    name: `state: ${name}`,
    run: async () => run(await backend()),
  })
  return [
    check('an update replaces a tensor after each run, and outputs see it as it was', async (own) => {
      const executable = await own.compile(accumulate())
      const set = await own.createState(new Map([['total', two(1, 2)]]))
      for (let i = 0; i < 3; i++) {
        const { before, after } = await executable.run({ feeds: { x: two(10, 20) }, state: [{ set }] })
        expectClose(before, two(1 + 10 * i, 2 + 20 * i), EXACT, 'before')
        expectClose(after, two(11 + 10 * i, 22 + 20 * i), EXACT, 'after')
      }
      await expectState(set, 'total', two(31, 62))
      releaseAll(executable, set)
    }),
    check('tensors that are not handed over stay with the caller', async (own) => {
      const executable = await own.compile(accumulate())
      for (const handsOver of [false, true]) {
        const given = two(1, 2)
        const set = await own.createState(new Map([['total', given]]), { handsOver })
        if (!handsOver) {
          expectClose(given, two(1, 2), EXACT, 'what the caller gave')
          given.data.fill(7)
        }
        await executable.run({ feeds: { x: two(10, 20) }, state: [{ set }] })
        await expectState(set, 'total', two(11, 22))
        releaseAll(set)
      }
      releaseAll(executable)
    }),
    check('two slots can swap', async (own) => {
      const executable = await own.compile({ name: 'swap', outputs: {}, updates: { a: slot('b'), b: slot('a') } })
      const set = await own.createState(
        new Map([
          ['a', two(1, 2)],
          ['b', two(3, 4)],
        ]),
      )
      await executable.run({ state: [{ set }] })
      await expectState(set, 'a', two(3, 4))
      await expectState(set, 'b', two(1, 2))
      releaseAll(executable, set)
    }),
    check('a slot that is only written is set', async (own) => {
      const executable = await own.compile({
        name: 'set',
        outputs: {},
        updates: { a: feed('x', 'f32', [2]), b: mul(feed('x', 'f32', [2]), 2) },
      })
      const set = await own.createState(
        new Map([
          ['a', two(1, 2)],
          ['b', two(3, 4)],
          ['c', two(5, 6)],
        ]),
      )
      await executable.run({ feeds: { x: two(8, 9) }, state: [{ set }] })
      await expectState(set, 'a', two(8, 9))
      await expectState(set, 'b', two(16, 18))
      await expectState(set, 'c', two(5, 6))
      releaseAll(executable, set)
    }),
    check('one value can go to several slots and to an output, and a slot can keep its own', async (own) => {
      const doubled = mul(slot('a'), 2)
      const program: Program = {
        name: 'spread',
        outputs: { doubled, kept: slot('c') },
        updates: { a: doubled, b: doubled, c: slot('c') },
      }
      const executable = await own.compile(program)
      const set = await own.createState(
        new Map([
          ['a', two(1, 2)],
          ['b', two(0, 0)],
          ['c', two(7, 8)],
        ]),
      )
      for (const times of [2, 4]) {
        const { doubled: got, kept } = await executable.run({ state: [{ set }] })
        expectClose(got, two(times, 2 * times), EXACT, 'the output')
        expectClose(kept, two(7, 8), EXACT, 'the slot that keeps its value')
        for (const name of ['a', 'b']) await expectState(set, name, two(times, 2 * times))
      }
      await expectState(set, 'c', two(7, 8))
      releaseAll(executable, set)
    }),
    check(
      'rows written into a cache are there in the next run; readers of the same run see the cache they ask for',
      async (own) => {
        const cache = input('state', 'cache', 'f32', [2, 4])
        const written = writeRows(cache, feed('at', 'i32', []), feed('row', 'f32', [2, 1]), 1)
        const sums = (x: Tensor) => reduceSum(x, { axes: [1] })
        const executable = await own.compile({
          name: 'cache',
          outputs: { before: sums(cache), after: sums(written) },
          updates: { cache: written },
        })
        const set = await own.createState(new Map([['cache', hostTensor('f32', [2, 4])]]))
        for (const [run, at] of [0, 1, 3].entries()) {
          const row = hostTensor('f32', [2, 1], [1, 10])
          const result = await executable.run({ feeds: { at: hostTensor('i32', [], [at]), row }, state: [{ set }] })
          expectClose(result.before, two(run, 10 * run), EXACT, 'sums of the cache before the write')
          expectClose(result.after, two(run + 1, 10 * run + 10), EXACT, 'sums of the cache after the write')
        }
        await expectState(set, 'cache', hostTensor('f32', [2, 4], [1, 1, 0, 1, 10, 10, 0, 10]))
        releaseAll(executable, set)
      },
    ),
    check('integers and bool are state too', async (own) => {
      const [count, flag] = [input('state', 'count', 'i32', []), input('state', 'flag', 'bool', [2])]
      const executable = await own.compile({
        name: 'whole',
        outputs: {},
        updates: { count: add(count, 1), flag: not(flag) },
      })
      const set = await own.createState(
        new Map([
          ['count', hostTensor('i32', [], [2147483646])],
          ['flag', hostTensor('bool', [2], [1, 0])],
        ]),
      )
      await executable.run({ state: [{ set }] })
      await expectState(set, 'count', hostTensor('i32', [], [2147483647]))
      await expectState(set, 'flag', hostTensor('bool', [2], [0, 1]))
      releaseAll(executable, set)
    }),
    check('a refused run changes nothing', async (own) => {
      const executable = await own.compile(accumulate())
      const set = await own.createState(new Map([['total', two(1, 2)]]))
      await expectError('graph.slot', 'a run without its feed', () => executable.run({ state: [{ set }] }))
      await expectState(set, 'total', two(1, 2))
      releaseAll(executable, set)
    }),
    check('one executable runs on one set and then on another', async (own) => {
      const executable = await own.compile(accumulate())
      const [first, second] = [
        await own.createState(new Map([['total', two(1, 2)]])),
        await own.createState(new Map([['total', two(100, 200)]])),
      ]
      for (const set of [first, second, first]) await executable.run({ feeds: { x: two(1, 1) }, state: [{ set }] })
      await expectState(first, 'total', two(3, 4))
      await expectState(second, 'total', two(101, 201))
      releaseAll(executable, first, second)
    }),
    check('slots of one program live in several sets, by prefix', async (own) => {
      const sum = add(slot('left.x'), slot('right.x'))
      const executable = await own.compile({ name: 'prefixes', outputs: { sum }, updates: { 'left.x': sum } })
      const [a, b] = [
        await own.createState(new Map([['x', two(1, 2)]])),
        await own.createState(new Map([['x', two(10, 20)]])),
      ]
      const run = (left: StateSet, right: StateSet) =>
        executable.run({
          state: [
            { set: left, prefix: 'left.' },
            { set: right, prefix: 'right.' },
          ],
        })
      expectClose((await run(a, b)).sum, two(11, 22), EXACT, 'sum')
      expectClose((await run(b, a)).sum, two(21, 42), EXACT, 'sum of the sets exchanged')
      await expectState(a, 'x', two(11, 22))
      await expectState(b, 'x', two(21, 42))
      releaseAll(executable, a, b)
    }),
    check('a slot in no set, in two sets or of another shape is refused with graph.slot', async (own) => {
      const executable = await own.compile(accumulate())
      const set = await own.createState(new Map([['total', two(1, 2)]]))
      const other = await own.createState(new Map([['total', hostTensor('f32', [1, 2], [1, 2])]]))
      const feeds = { x: two(1, 1) }
      await expectError('graph.slot', 'a run without state', () => executable.run({ feeds }))
      await expectError('graph.slot', 'a run with two sets of one slot', () =>
        executable.run({ feeds, state: [{ set }, { set: other }] }),
      )
      await expectError('graph.slot', 'a run with state of another shape', () =>
        executable.run({ feeds, state: [{ set: other }] }),
      )
      await expectState(set, 'total', two(1, 2))
      releaseAll(executable, set, other)
    }),
    check('runs started together each see the one before', async (own) => {
      const executable = await own.compile(accumulate())
      const set = await own.createState(new Map([['total', two(0, 0)]]))
      await Promise.all([1, 2, 3, 4, 5].map(() => executable.run({ feeds: { x: two(1, 2) }, state: [{ set }] })))
      await expectState(set, 'total', two(5, 10))
      releaseAll(executable, set)
    }),
    check('a set keeps its own copies, gives copies, and knows its specs', async (own) => {
      const given = two(1, 2)
      const set = await own.createState(
        new Map([
          ['x', given],
          ['n', hostTensor('i32', [], [7])],
          ['none', hostTensor('f32', [0, 3])],
        ]),
      )
      given.data[0] = 99
      const read = await set.read()
      expectClose(read.get('x'), two(1, 2), EXACT, 'x')
      ;(read.get('x') as { data: Float32Array }).data[1] = 99
      await expectState(set, 'x', two(1, 2))
      await expectState(set, 'n', hostTensor('i32', [], [7]))
      await expectState(set, 'none', hostTensor('f32', [0, 3]))
      expectThat(set.specs.get('n')?.dtype === 'i32' && set.specs.size === 3, 'the set knows its specs', {
        specs: [...set.specs],
      })
      expectThat(set.byteLength >= 12, 'the set says how many bytes it holds', { byteLength: set.byteLength })
      expectThat((await set.read(['n'])).size === 1, 'reading one name gives one tensor')
      set.release()
    }),
    check('write replaces all tensors given or none', async (own) => {
      const set = await own.createState(
        new Map([
          ['a', two(1, 2)],
          ['b', two(3, 4)],
        ]),
      )
      await set.write(new Map([['a', two(5, 6)]]))
      await expectState(set, 'a', two(5, 6))
      await expectError('graph.slot', 'writing an unknown name', () =>
        set.write(
          new Map([
            ['a', two(0, 0)],
            ['z', two(0, 0)],
          ]),
        ),
      )
      await expectError('graph.slot', 'writing another shape', () =>
        set.write(
          new Map([
            ['a', two(0, 0)],
            ['b', hostTensor('f32', [1], [0])],
          ]),
        ),
      )
      await expectError('graph.slot', 'reading an unknown name', () => set.read(['z']))
      await expectState(set, 'a', two(5, 6))
      await expectState(set, 'b', two(3, 4))
      set.release()
    }),
    check('values written between runs reach the next run', async (own) => {
      const executable = await own.compile(accumulate())
      const set = await own.createState(new Map([['total', two(0, 0)]]))
      await executable.run({ feeds: { x: two(1, 1) }, state: [{ set }] })
      await set.write(new Map([['total', two(50, 60)]]))
      await executable.run({ feeds: { x: two(1, 1) }, state: [{ set }] })
      await expectState(set, 'total', two(51, 61))
      releaseAll(executable, set)
    }),
  ]
}

/** total += x, giving both values. */
function accumulate(): Program {
  const total = slot('total')
  const after = add(total, feed('x', 'f32', [2]))
  return { name: 'accumulate', outputs: { before: total, after }, updates: { total: after } }
}

async function expectState(set: StateSet, name: string, want: ReturnType<typeof two>): Promise<void> {
  expectClose((await set.read([name])).get(name), want, EXACT, `state ${name}`)
}

function releaseAll(...held: readonly (StateSet | Executable)[]): void {
  for (const one of held) one.release()
}
