/**
 * stdout carries results, stderr progress. A closed pipe is quiet, and what cannot be written ends no run. Lines are shown escaped: names
 * and texts in them come from files that others wrote.
 */
import { escaped } from './escaped.js'

let isClosed = false
let isLost = false
const closeListeners: (() => void)[] = []

/** Makes writing to a closed pipe quiet: results go nowhere from then on, and whoever only made them may stop. */
export function quietPipes(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (isClosed) return
    isClosed = true
    if (!CLOSED.has(error.code ?? '')) {
      isLost = true
      problems([`error: results cannot be written to stdout: ${error.message}`])
    }
    for (const listener of closeListeners) listener()
  })
  process.stderr.on('error', () => {}) // a full disk, a terminal that is gone: there is nowhere to say it
}

const CLOSED = new Set(['EPIPE', 'ERR_STREAM_DESTROYED'])

/** Whether results were lost, other than in a pipe that nobody reads. */
export function resultsLost(): boolean {
  return isLost
}

/** Calls back when nobody reads stdout any more. */
export function onPipeClosed(listener: () => void): void {
  if (isClosed) listener()
  else closeListeners.push(listener)
}

/** A line of results. */
export function result(text: string): void {
  write(`${escaped(text)}\n`)
}

/** A model's text, without an end of line: a terminal shows it escaped, a file or a program gets it as it is. */
export function part(text: string): void {
  write(process.stdout.isTTY === true ? escaped(text) : text)
}

/** Lines that tell of a failure, on stderr. */
export function problems(lines: readonly string[]): void {
  for (const line of lines) process.stderr.write(`${escaped(line)}\n`)
}

function write(text: string): void {
  if (!isClosed) process.stdout.write(text)
}

/** Waits until what was written to stdout has left the process, so that a quick exit loses nothing. */
export function flushed(): Promise<void> {
  return new Promise((resolve) => process.stdout.write('', () => resolve()))
}

const PLAIN_INTERVAL_MS = 10_000 // a pipe gets a line at least this often

/** Progress on stderr: one line that is rewritten on a terminal, plain lines now and then in a pipe. */
export class Progress {
  /** Whether there is a terminal, where a line can be rewritten. */
  readonly live = process.stderr.isTTY === true
  private last = Date.now()
  private open = false
  private text = ''
  private told = '' // the text that the last plain line showed
  private since = Date.now()
  private readonly warned = new Set<string>()
  private readonly timer: NodeJS.Timeout | undefined

  constructor(private readonly quiet: boolean) {
    if (!quiet && !this.live) {
      this.timer = setInterval(() => this.beat(), PLAIN_INTERVAL_MS)
      this.timer.unref()
    }
  }

  /** A line that stays. */
  line(text: string): void {
    if (this.quiet) return
    this.clear()
    process.stderr.write(`${escaped(text)}\n`)
    this.last = Date.now()
  }

  /** Something to know, said once however often it comes. */
  warning(text: string): void {
    if (this.warned.has(text)) return
    this.warned.add(text)
    this.line(`warning: ${text}`)
  }

  /** What is going on now. `important` lines are shown in a pipe too. */
  update(what: string, important = false): void {
    if (this.quiet) return
    const text = escaped(what).replaceAll('\n', ' ') // one line, whatever a name holds
    if (text !== this.text) this.since = Date.now()
    this.text = text
    if (this.live) {
      const width = process.stderr.columns ?? 80
      process.stderr.write(`\r\u001b[2K${text.length >= width ? `${text.slice(0, width - 2)}…` : text}`)
      this.open = true
    } else if (important) {
      this.line(text)
      this.told = text
    } else this.beat() // work that leaves timers no turn still comes by here
  }

  /** Ends the line that is rewritten. */
  clear(): void {
    if (this.open) process.stderr.write('\r\u001b[2K')
    this.open = false
  }

  /** No more progress. */
  end(): void {
    this.clear()
    clearInterval(this.timer)
  }

  private beat(): void {
    const now = Date.now()
    if (now - this.last < PLAIN_INTERVAL_MS || this.text === '') return
    this.line(
      this.text === this.told
        ? `still, for ${Math.round((now - this.since) / 1000)} s: ${brief(this.text)}`
        : this.text,
    )
    this.told = this.text
  }
}

function brief(text: string): string {
  return text.split(' ').slice(0, 2).join(' ')
}

/** 1.2 GB, 340 MB, 12 kB. */
export function bytes(count: number): string {
  if (count >= 1e9) return `${(count / 1e9).toFixed(2)} GB`
  if (count >= 1e6) return `${(count / 1e6).toFixed(0)} MB`
  return `${(count / 1e3).toFixed(0)} kB`
}

/** 1:05:09 or 2:07. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  return parts[0] === 0
    ? `${parts[1]}:${String(parts[2]).padStart(2, '0')}`
    : `${parts[0]}:${parts
        .slice(1)
        .map((part) => String(part).padStart(2, '0'))
        .join(':')}`
}
