/** A benchmarked side as a child process that answers a line for a line, with its peak memory. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface, type Interface } from 'node:readline'

/** A running side. */
export class Peer {
  private readonly lines: AsyncIterator<string>
  private readonly reader: Interface

  private constructor(
    readonly name: string,
    private readonly child: ChildProcess,
  ) {
    this.reader = createInterface({ input: child.stdout as NonNullable<ChildProcess['stdout']> })
    this.lines = this.reader[Symbol.asyncIterator]()
  }

  /** Starts a side and waits until it is ready. */
  static async start(
    name: string,
    command: string,
    commandArguments: readonly string[],
    environment: NodeJS.ProcessEnv = {},
  ): Promise<Peer> {
    const child = spawn(command, commandArguments, {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...environment },
    })
    const peer = new Peer(name, child)
    await peer.read()
    return peer
  }

  /** One request, one answer. */
  async ask<T>(request: object): Promise<T> {
    this.child.stdin?.write(`${JSON.stringify(request)}\n`)
    return (await this.read()) as T
  }

  /** Peak resident memory of the process and its threads, in bytes (VmHWM). */
  get peakBytes(): number {
    const found = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.child.pid}/status`, 'utf8'))
    return Number(found?.[1] ?? 0) * 1024
  }

  /** Ends the side. */
  async end(): Promise<void> {
    const gone = new Promise((resolve) => this.child.once('exit', resolve))
    this.child.stdin?.end(`${JSON.stringify({ do: 'end' })}\n`)
    await gone
    this.reader.close()
  }

  private async read(): Promise<unknown> {
    while (true) {
      const { done, value } = await this.lines.next()
      if (done === true) throw new Error(`${this.name} ended before it answered`)
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
