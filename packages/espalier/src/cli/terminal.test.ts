import { afterEach, describe, expect, it, vi } from 'vitest'
import { bytes, clock, Progress, part, result } from './terminal.js'

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

function writtenToStderr(): string[] {
  const written: string[] = []
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written.push(String(text))
    return true
  })
  return written
}

describe('Progress', () => {
  it('gives a line to work that leaves timers no turn, and shows no text of data as it is', () => {
    vi.useFakeTimers()
    const written = writtenToStderr()
    const progress = new Progress(false)
    progress.update('reading a')
    vi.setSystemTime(Date.now() + 11_000)
    progress.update('reading \u001b[2J\nb')
    progress.line('row \u0007')
    progress.end()
    expect(written).toEqual(['reading \\u001b[2J b\n', 'row \\u0007\n'])
  })

  it('gives a pipe a line at least every ten seconds, whatever goes on', () => {
    vi.useFakeTimers()
    const written = writtenToStderr()
    const progress = new Progress(false)
    progress.update('downloading model.safetensors: 1 MB')
    vi.advanceTimersByTime(10_000)
    progress.update('compiling')
    vi.advanceTimersByTime(20_000)
    progress.end()
    vi.advanceTimersByTime(60_000)
    expect(written).toEqual(['downloading model.safetensors: 1 MB\n', 'compiling\n', 'still, for 20 s: compiling\n'])
  })

  it('is silent when it is to be', () => {
    const write = vi.spyOn(process.stderr, 'write')
    const progress = new Progress(true)
    progress.line('a')
    progress.update('b', true)
    progress.end()
    expect(write).not.toHaveBeenCalled()
  })
})

describe('results', () => {
  it('escape names in lines; a model’s text only on a terminal, and JSON without changing it', () => {
    const written: string[] = []
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      written.push(String(text))
      return true
    })
    const isTerminal = process.stdout.isTTY
    result('tensor \u001b[31m')
    result(JSON.stringify({ text: '\u009b' }))
    try {
      process.stdout.isTTY = false
      part('\u001b]0;title\u0007')
      process.stdout.isTTY = true
      part('\u001b]0;title\u0007')
    } finally {
      process.stdout.isTTY = isTerminal
    }
    expect(written).toEqual([
      'tensor \\u001b[31m\n',
      '{"text":"\\u009b"}\n',
      '\u001b]0;title\u0007',
      '\\u001b]0;title\\u0007',
    ])
  })
})

describe('bytes and clock', () => {
  it('are short', () => {
    expect([bytes(12_345), bytes(5e8), bytes(1.234e9)]).toEqual(['12 kB', '500 MB', '1.23 GB'])
    expect([clock(7), clock(127), clock(3909)]).toEqual(['0:07', '2:07', '1:05:09'])
  })
})
