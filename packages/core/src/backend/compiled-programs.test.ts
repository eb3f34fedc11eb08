import { describe, expect, it } from 'vitest'
import { feed, mul } from '../graph/ops.js'
import type { WeightSet } from './backend.js'
import { CompiledPrograms } from './compiled-programs.js'
import type { Program } from './program.js'
import { closedError } from './set-errors.js'

const times = (factor: number): Program => ({ name: 'times', outputs: { y: mul(feed('x', 'f32', [1]), factor) } })
const weights = (): WeightSet => ({ names: new Set(), byteLength: 0, release() {} })

/** Programs that are made when the test says so, and what happened to them. */
function gated() {
  const log: string[] = []
  const ready: (() => void)[] = []
  let isClosed = false
  const programs = new CompiledPrograms(() => {
    if (isClosed) throw closedError('gated')
  })
  const compile = (program: Program, on?: WeightSet, signal?: AbortSignal) =>
    programs.compile({ program, weights: on, signal }, () => {
      const name = `program ${ready.length}`
      log.push(`making ${name}`)
      return new Promise((resolve) => {
        const run = async () => {
          log.push(`running ${name}`)
          return {}
        }
        ready.push(() => resolve({ byteLength: 8, run, dispose: () => log.push(`disposed of ${name}`) }))
      })
    })
  const close = () => {
    isClosed = true
    return programs.clear()
  }
  return { programs, log, compile, close, finish: (number: number) => ready[number]?.() }
}

const closed = { code: 'backend.closed' }

describe('compiled programs', () => {
  it('are made once for equal programs over the same weights, and go with the last of their users', async () => {
    const { log, compile, finish } = gated()
    const waiting = [compile(times(2)), compile(times(2))]
    finish(0)
    const [first, second] = await Promise.all(waiting)
    first?.release()
    first?.release() // its own hold alone
    await expect(first?.run({})).rejects.toMatchObject(closed)
    await second?.run({})
    expect(second?.byteLength).toBe(8)
    second?.release()
    expect(log).toEqual(['making program 0', 'running program 0', 'disposed of program 0'])
    void compile(times(2))
    expect(log.at(-1)).toBe('making program 1')
  })

  it('are others over other weights, and for other programs', () => {
    const { log, compile } = gated()
    const own = weights()
    for (const [factor, on] of [[2], [3], [2, own], [2, weights()], [2, own]] as const) void compile(times(factor), on)
    expect(log).toEqual([0, 1, 2, 3].map((number) => `making program ${number}`))
  })

  it('end with their weights, also for those who hold them or wait for them', async () => {
    const { programs, log, compile, finish } = gated()
    const own = weights()
    const [held, waiting] = [compile(times(2), own), compile(times(3), own)]
    finish(0)
    const executable = await held
    programs.end(own)
    expect(log.at(-1)).toBe('disposed of program 0')
    await expect(executable.run({})).rejects.toMatchObject(closed)
    finish(1)
    await expect((await waiting).run({})).rejects.toMatchObject(closed)
    expect(log.at(-1)).toBe('disposed of program 1')
    executable.release()
    expect(log.filter((line) => line === 'disposed of program 0')).toHaveLength(1)
  })

  it('are made for one caller when another aborts', async () => {
    const { log, compile, finish } = gated()
    const abort = new AbortController()
    const [left, stayed] = [compile(times(2), undefined, abort.signal), compile(times(2))]
    abort.abort(new Error('enough'))
    await expect(left).rejects.toThrow('enough')
    finish(0)
    await (await stayed).run({})
    expect(log).toEqual(['making program 0', 'running program 0'])
  })

  it('are all gone after the backend is closed, which waits for those that are being made', async () => {
    const { log, compile, close, finish } = gated()
    const [held, waiting] = [compile(times(2)), compile(times(3))]
    finish(0)
    const executable = await held
    let isOver = false
    const closing = close().then(() => {
      isOver = true
    })
    expect(log.at(-1)).toBe('disposed of program 0')
    await expect(executable.run({})).rejects.toThrow('the backend is closed')
    expect(isOver).toBe(false)
    finish(1)
    await closing
    await waiting
    expect(log.at(-1)).toBe('disposed of program 1')
  })
})
