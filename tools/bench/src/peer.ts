/** A benchmarked side as a child process that answers a line for a line, with its peak memory. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface, type Interface } from 'node:readline'
import type { Readable } from 'node:stream'

const KEPT_LINES = 20 // of stderr, for the message when a side dies
const LOOK_MS = 2 // a step takes seconds, and keeps its most for a tenth of one

/** The last lines of a stream, kept for a message. */
export class LastLines {
  private readonly lines: string[] = []

  constructor(stream: Readable) {
    createInterface({ input: stream }).on('line', (line) => {
      this.lines.push(line)
      if (this.lines.length > KEPT_LINES) this.lines.shift()
    })
  }

  /** The lines, one below the other. */
  get text(): string {
    return this.lines.join('\n')
  }
}

/** How a process ended, in words, with what it said last. */
export function describeEnd(code: number | null, signal: NodeJS.Signals | null, stderr: string): string {
  const how = signal === null ? `exit code ${code}` : `signal ${signal}`
  return `${how}; ${stderr === '' ? 'nothing on stderr' : `the end of its stderr:\n${stderr}`}`
}

/** A running side. */
export class Peer {
  private readonly lines: AsyncIterator<string>
  private readonly reader: Interface
  private readonly errors: LastLines
  private readonly ended: Promise<string>

  private constructor(
    readonly name: string,
    private readonly child: ChildProcess,
  ) {
    this.reader = createInterface({ input: child.stdout as Readable })
    this.lines = this.reader[Symbol.asyncIterator]()
    this.errors = new LastLines(child.stderr as Readable)
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signal) => resolve(describeEnd(code, signal, this.errors.text)))
      child.once('error', (error) => resolve(error.message))
    })
    // A side that is gone is told by `read`, with its reason; the broken pipe says less.
    child.stdin?.on('error', () => {})
  }

  /** Starts a side and waits until it is ready. */
  static async start(
    name: string,
    command: string,
    commandArguments: readonly string[],
    environment: NodeJS.ProcessEnv = {},
  ): Promise<Peer> {
    const child = spawn(command, commandArguments, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    })
    const peer = new Peer(name, child)
    await peer.read()
    return peer
  }

  /** One request, one answer. Throws when the side ends instead: its exit code or signal, and the end of its stderr. */
  async ask<T>(request: object): Promise<T> {
    this.child.stdin?.write(`${JSON.stringify(request)}\n`)
    return (await this.read()) as T
  }

  /** Peak resident memory of the process and its threads, in bytes (VmHWM). */
  get peakBytes(): number {
    return this.status('VmHWM')
  }

  /** Memory of its own that the process has now, in bytes (RssAnon): without files that it maps, which come and go as the system likes. */
  get ownBytes(): number {
    return this.status('RssAnon')
  }

  /** The most of `ownBytes` while it answers a request, looked at every few milliseconds. */
  async peakWhile(request: object): Promise<number> {
    let most = 0
    const look = () => {
      most = Math.max(most, this.ownBytes)
    }
    const timer = setInterval(look, LOOK_MS)
    await this.ask(request)
    clearInterval(timer)
    return most
  }

  private status(name: 'VmHWM' | 'RssAnon'): number {
    const found = new RegExp(`${name}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${this.child.pid}/status`, 'utf8'))
    return Number(found?.[1] ?? 0) * 1024
  }

  /** Ends the side. */
  async end(): Promise<void> {
    this.child.stdin?.end(`${JSON.stringify({ do: 'end' })}\n`)
    await this.ended
    this.reader.close()
  }

  private async read(): Promise<unknown> {
    while (true) {
      const { done, value } = await this.lines.next()
      if (done === true) throw new Error(`${this.name} ended before it answered: ${await this.ended}`)
      // Libraries print too; answers are the lines that are JSON objects.
      if (value.startsWith('{')) return JSON.parse(value) as unknown
    }
  }
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}
