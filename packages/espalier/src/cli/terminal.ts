/** stdout carries results, stderr progress. A closed pipe is quiet. */

/** Makes writing to a closed pipe end the process quietly. */
export function quietPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(0)
      throw error
    })
  }
}

/** A line of results. */
export function result(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** Waits until what was written to stdout has left the process, so that a quick exit loses nothing. */
export function flushed(): Promise<void> {
  return new Promise((resolve) => process.stdout.write('', () => resolve()))
}

const PLAIN_INTERVAL_MS = 10_000 // a pipe gets a line at least this often

/** Progress on stderr: one line that is rewritten on a terminal, plain lines now and then in a pipe. */
export class Progress {
  private readonly live = process.stderr.isTTY === true
  private last = 0
  private open = false
  private text = ''
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
    process.stderr.write(`${text}\n`)
    this.last = Date.now()
  }

  /** What is going on now. `important` lines are shown in a pipe too. */
  update(text: string, important = false): void {
    if (this.quiet) return
    this.text = text
    if (this.live) {
      const width = process.stderr.columns ?? 80
      process.stderr.write(`\r\u001b[2K${text.length >= width ? `${text.slice(0, width - 2)}…` : text}`)
      this.open = true
    } else if (important) this.line(text)
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
    if (Date.now() - this.last >= PLAIN_INTERVAL_MS && this.text !== '') this.line(this.text)
  }
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
