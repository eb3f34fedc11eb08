/** What a program is to a backend: names in, names out, one run after another, equal programs compiled once. */
import {
  add,
  type Backend,
  type CallDefinition,
  call,
  constant,
  feed,
  hostTensor,
  mul,
  type Program,
  reduceSum,
  type Tensor,
} from '@espalier/core'
import { type Check, expectError, expectThat } from '../check.js'
import { EXACT, expectClose } from '../compare.js'

const three = (values: readonly number[]) => hostTensor('f32', [3], values)

/** Checks of feeds, outputs and compiling. */
export function programChecks(
  backend: () => Promise<Backend>,
  options: { readonly compilations?: (backend: Backend) => number | Promise<number> } = {},
): Check[] {
  const check = (name: string, run: (own: Backend) => Promise<void>): Check => ({
    name: `program: ${name}`,
    run: async () => run(await backend()),
  })
  return [
    check('outputs that are inputs, constants, or one tensor twice', async (own) => {
      const x = feed('x', 'f32', [3])
      const y = mul(x, 2)
      const result = await runOnce(
        own,
        { name: 'plain', outputs: { same: x, y, again: y, one: constant(1.5), filled: constant(2, 'i32', [2]) } },
        { x: three([1, 2, 3]) },
      )
      expectClose(result.same, three([1, 2, 3]), EXACT, 'same')
      expectClose(result.y, three([2, 4, 6]), EXACT, 'y')
      expectClose(result.again, three([2, 4, 6]), EXACT, 'again')
      expectClose(result.one, hostTensor('f32', [], [1.5]), EXACT, 'one')
      expectClose(result.filled, hostTensor('i32', [2], [2, 2]), EXACT, 'filled')
    }),
    check('feeds and outputs of every name', async (own) => {
      const names = ['model.layers.0/q', 'with space', 'ünï', '0', 'a:b', 'constructor']
      const inputs = names.map((name) => feed(name, 'f32', []))
      const result = await runOnce(
        own,
        {
          name: 'names / of ü',
          outputs: Object.fromEntries(names.map((name, i) => [`out ${name}`, mul(inputs[i] as Tensor, 2)])),
        },
        Object.fromEntries(names.map((name, i) => [name, hostTensor('f32', [], [i])])),
      )
      names.forEach((name, i) => {
        expectClose(result[`out ${name}`], hostTensor('f32', [], [2 * i]), EXACT, name)
      })
    }),
    check('bool, i32 and u32 pass through', async (own) => {
      const feeds = {
        b: hostTensor('bool', [2], [1, 0]),
        i: hostTensor('i32', [2], [-5, 2147483647]),
        u: hostTensor('u32', [1], [4294967295]),
      }
      const outputs = Object.fromEntries(
        Object.entries(feeds).map(([name, { dtype, shape }]) => [name, feed(name, dtype, shape)]),
      )
      const result = await runOnce(own, { name: 'through', outputs }, feeds)
      for (const [name, value] of Object.entries(feeds)) expectClose(result[name], value, EXACT, name)
    }),
    check('wrong feeds are refused with graph.slot, and a right run follows', async (own) => {
      const executable = await own.compile(double())
      const wrong = {
        missing: {},
        unknown: { x: three([1, 2, 3]), z: three([1, 2, 3]) },
        'of another shape': { x: hostTensor('f32', [1, 3], [1, 2, 3]) },
        'of another dtype': { x: hostTensor('i32', [3], [1, 2, 3]) },
        'with too few values': { x: { ...three([1, 2, 3]), data: new Float32Array(2) } },
      }
      for (const [what, feeds] of Object.entries(wrong))
        await expectError('graph.slot', `a feed ${what}`, () => executable.run({ feeds }))
      expectClose((await executable.run({ feeds: { x: three([1, 2, 3]) } })).y, three([2, 4, 6]), EXACT, 'y')
      executable.release()
    }),
    check('a run leaves its feeds alone, and results stay after later runs', async (own) => {
      const executable = await own.compile(double())
      const x = three([1, 2, 3])
      const first = await executable.run({ feeds: { x } })
      const second = await executable.run({ feeds: { x: three([5, 5, 5]) } })
      expectClose(x, three([1, 2, 3]), EXACT, 'the feed after the run')
      expectClose(first.y, three([2, 4, 6]), EXACT, 'the first result after the second run')
      expectClose(second.y, three([10, 10, 10]), EXACT, 'the second result')
      executable.release()
    }),
    check('runs of one executable that are started together wait for each other', async (own) => {
      const executable = await own.compile(double())
      const results = await Promise.all([1, 2, 3, 4].map((n) => executable.run({ feeds: { x: three([n, n, n]) } })))
      results.forEach(({ y }, i) => {
        expectClose(y, three([2 * i + 2, 2 * i + 2, 2 * i + 2]), EXACT, `run ${i}`)
      })
      executable.release()
    }),
    check('programs that differ only in a constant, an attribute or a body do not share a compilation', async (own) => {
      const times = (factor: number): CallDefinition => ({
        name: 'testkit.times',
        body: ([x]) => [mul(x as Tensor, factor)],
      })
      const programs = [
        [2, (x: Tensor) => mul(x, 2)],
        [3, (x: Tensor) => mul(x, 3)],
        [4, (x: Tensor) => call(times(4), [x], {})[0] as Tensor],
        [5, (x: Tensor) => call(times(5), [x], {})[0] as Tensor],
      ] as const
      for (const [factor, build] of programs) {
        const result = await runOnce(
          own,
          { name: 'double', outputs: { y: build(feed('x', 'f32', [3])) } },
          { x: three([1, 2, 3]) },
        )
        expectClose(result.y, three([factor, 2 * factor, 3 * factor]), EXACT, `times ${factor}`)
      }
    }),
    check('an equal program compiles again after release', async (own) => {
      for (let i = 0; i < 3; i++)
        expectClose(
          (await runOnce(own, double(), { x: three([1, 2, 3]) })).y,
          three([2, 4, 6]),
          EXACT,
          `compilation ${i}`,
        )
    }),
    check('one who releases a program twice does not take it from another who compiled it too', async (own) => {
      const [first, second] = [await own.compile(double()), await own.compile(double())]
      first.release()
      first.release()
      expectClose((await second.run({ feeds: { x: three([1, 2, 3]) } })).y, three([2, 4, 6]), EXACT, 'the second')
      await expectError('backend.closed', 'running the first', () => first.run({ feeds: { x: three([1, 2, 3]) } }))
      second.release()
    }),
    check('equal programs compile once', async (own) => {
      const { compilations } = options
      if (compilations === undefined) return
      const program = (): Program => ({ name: 'once', outputs: { y: reduceSum(add(feed('x', 'f32', [3]), 7)) } })
      const kept = await own.compile(program())
      const before = await compilations(own)
      const again = await own.compile(program())
      expectThat((await compilations(own)) === before, 'an equal program was compiled again', {
        before,
        after: await compilations(own),
      })
      expectClose((await again.run({ feeds: { x: three([1, 2, 3]) } })).y, hostTensor('f32', [], [27]), EXACT, 'y')
      kept.release()
    }),
  ]
}

/** A program that doubles its feed `x`. */
function double(): Program {
  return { name: 'double', outputs: { y: mul(feed('x', 'f32', [3]), 2) } }
}

async function runOnce(backend: Backend, program: Program, feeds: Readonly<Record<string, ReturnType<typeof three>>>) {
  const executable = await backend.compile(program)
  const result = await executable.run({ feeds })
  executable.release()
  return result
}
