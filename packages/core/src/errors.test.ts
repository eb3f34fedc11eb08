/** Errors say what happened, the values that decide it and one action; and they survive threads. */
import { describe, expect, it, vi } from 'vitest'
import { errorCodes } from './error-codes.js'
import { assertNever, EspalierError } from './errors.js'

describe('EspalierError', () => {
  it('puts what, got and fix into one message', () => {
    const error = new EspalierError('config.value', {
      what: 'r must be above 0',
      got: { r: 0, of: 'lora' },
      fix: 'Use 8',
    })
    expect(error.message).toContain('r must be above 0 (r=0, of="lora"). Use 8')
    expect([error.code, error.what, error.details, error.fix, error.name]).toEqual([
      'config.value',
      'r must be above 0',
      { r: 0, of: 'lora' },
      'Use 8',
      'EspalierError',
    ])
  })

  it('shows its code as a string', () => {
    const error = new EspalierError('config.value', { what: 'r must be above 0', got: { r: 0 } })
    expect(`${error}`).toBe('EspalierError [config.value]: r must be above 0 (r=0).')
  })

  it('shortens long lists and shows values that JSON cannot', () => {
    const names = Array.from({ length: 25 }, (_, i) => i)
    const { message } = new EspalierError('graph.slot', { what: 'x', got: { names, big: 10n, gone: undefined } })
    expect(message).toContain('... 25 in all]')
    expect(message).not.toContain('24,')
    expect(message).toContain('big=10, gone=undefined')
  })

  it('shows what it can of values that JSON cannot hold, and still is plain data', () => {
    const circle: Record<string, unknown> = {}
    circle.self = circle
    const error = new EspalierError('graph.slot', {
      what: 'x',
      got: { circle, list: [1n], gone: undefined, f: parseInt },
    })
    expect(error.message).toContain('x (circle="(not shown)", list=["1"], gone=undefined, f="function parseInt')
    expect(error.toJSON().details).toEqual({ circle: '(not shown)', list: ['1'], f: String(parseInt) })
  })

  it('keeps its cause', () => {
    const cause = new Error('disk')
    expect(new EspalierError('file.read', { what: 'x', cause }).cause).toBe(cause)
  })

  it('is recognised across copies of the package, and nothing else is', () => {
    const error = new EspalierError('graph.slot', { what: 'x' })
    expect(EspalierError.isInstance(error)).toBe(true)
    const foreign = Object.defineProperty(new Error('x'), Symbol.for('espalier.error'), { value: true })
    expect(EspalierError.isInstance(foreign)).toBe(true)
    for (const other of [new Error('x'), { code: 'graph.slot' }, null, 'x'])
      expect(EspalierError.isInstance(other)).toBe(false)
  })

  it('is an instance of the class of every copy of the package, and only of its own below that', async () => {
    vi.resetModules()
    const twin = (await import('./errors.js')).EspalierError
    expect(twin).not.toBe(EspalierError)
    const error = new EspalierError('graph.slot', { what: 'x' })
    expect(error instanceof twin).toBe(true)
    expect(new twin('graph.slot', { what: 'x' }) instanceof EspalierError).toBe(true)
    expect(new Error('x') instanceof EspalierError).toBe(false)
    class Narrower extends EspalierError {}
    expect(error instanceof Narrower).toBe(false)
    expect(new Narrower('graph.slot', { what: 'x' }) instanceof Narrower).toBe(true)
  })

  it('survives a structured clone as plain data', () => {
    const error = new EspalierError('backend.failed', { what: 'x', got: { a: [1] }, fix: 'y', cause: new Error('z') })
    const back = EspalierError.fromJSON(structuredClone(error.toJSON()))
    expect([back.code, back.message, back.details, (back.cause as Error).message]).toEqual([
      error.code,
      error.message,
      { a: [1] },
      'z',
    ])
    expect(EspalierError.fromJSON(new EspalierError('graph.slot', { what: 'x' }).toJSON()).cause).toBeUndefined()
  })
})

describe('assertNever', () => {
  it('throws internal.unreachable with the value', () => {
    expect(() => assertNever('odd' as never)).toThrow(
      expect.objectContaining({ code: 'internal.unreachable', details: { value: 'odd' } }),
    )
  })
})

describe('errorCodes', () => {
  it('names each code area.reason and has an example that ends as messages do', () => {
    for (const [code, { when, example, remedy }] of Object.entries(errorCodes)) {
      expect(code).toMatch(/^[a-z]+\.[a-zA-Z0-9]+$/)
      expect(example, code).toMatch(/\.$/)
      expect(remedy, code).toMatch(/\.$/)
      expect(when.length, code).toBeGreaterThan(10)
    }
  })
})
