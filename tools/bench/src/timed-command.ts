/** A command timed from its spawn to the line that reports its first finished step, and to its end. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { describeEnd, LastLines } from './peer.js'

/** Seconds since the spawn. */
export interface Timing {
  readonly firstStep: number
  readonly end: number
  /** The reported step. */
  readonly step: Readonly<Record<string, unknown>>
  /** When each line came, on either stream. */
  readonly lines: readonly { readonly seconds: number; readonly text: string }[]
}

/** Runs a command that prints its step as a JSON line `{"type":"step",...}`. Throws when it ends without one, or not with 0. */
export async function timeCommand(
  name: string,
  command: string,
  commandArguments: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<Timing> {
  const began = performance.now()
  const seconds = () => (performance.now() - began) / 1000
  const child = spawn(command, commandArguments, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  })
  const lines: { seconds: number; text: string }[] = []
  const errors = new LastLines(child.stderr)
  let found: { seconds: number; step: Record<string, unknown> } | undefined
  createInterface({ input: child.stderr }).on('line', (text) => lines.push({ seconds: seconds(), text }))
  createInterface({ input: child.stdout }).on('line', (text) => {
    lines.push({ seconds: seconds(), text })
    if (found !== undefined || !text.startsWith('{')) return
    const value = JSON.parse(text) as Record<string, unknown>
    if (value.type === 'step') found = { seconds: seconds(), step: value }
  })
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (...end) => resolve(end))
  })
  const end = seconds()
  if (found === undefined || code !== 0)
    throw new Error(
      `${name} ${found === undefined ? 'reported no step' : 'failed'}; ${describeEnd(code, signal, errors.text)}`,
    )
  return { firstStep: found.seconds, end, step: found.step, lines }
}
