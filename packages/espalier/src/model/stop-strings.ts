/** Stop strings in a stream: text is held back while it may still be the beginning of one. */

/** Passes text on until a stop string appears. */
export class StopScanner {
  private held = ''
  /** Whether a stop string was found. */
  stopped = false

  constructor(private readonly stops: readonly string[]) {}

  /** The text that can be shown now. */
  push(text: string): string {
    if (this.stopped) return ''
    const whole = this.held + text
    const found = this.stops.map((stop) => whole.indexOf(stop)).filter((index) => index >= 0)
    if (found.length > 0) {
      this.stopped = true
      this.held = ''
      return whole.slice(0, Math.min(...found))
    }
    const keep = Math.max(0, ...this.stops.map((stop) => overlap(whole, stop)))
    this.held = whole.slice(whole.length - keep)
    return whole.slice(0, whole.length - keep)
  }

  /** What is left at the end. */
  flush(): string {
    const rest = this.held
    this.held = ''
    return rest
  }
}

/** Length of the longest end of `text` that begins `stop`. */
function overlap(text: string, stop: string): number {
  for (let length = Math.min(text.length, stop.length - 1); length > 0; length--)
    if (stop.startsWith(text.slice(text.length - length))) return length
  return 0
}
