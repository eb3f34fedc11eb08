/** Running another program to its end, or until it is no longer wanted. */
import { spawn } from 'node:child_process'

const KEPT_CHARACTERS = 6000

/** What to run, and how. */
export interface Child {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  readonly signal?: AbortSignal
  readonly longestMs?: number
}

/** How a program ended: `code` is null when it could not be started or was ended. */
export interface Ended {
  readonly code: number | null
  readonly output: string
  readonly errors: string
}

/** Runs a program; an abort or the time limit ends it with every program that it started. The last part of what it prints is kept. */
export function runChild({ command, args, cwd, env, signal, longestMs }: Child): Promise<Ended> {
  return new Promise((settle) => {
    // A group of its own: a compiler that outlives node-gyp would write into folders that were put back.
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    const kept = { output: '', errors: '' }
    const collect = (name: keyof typeof kept) => (part: Buffer) => {
      kept[name] = (kept[name] + part.toString()).slice(-KEPT_CHARACTERS)
    }
    const end = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      } catch {
        // it has ended by itself
      }
    }
    const timer = longestMs === undefined ? undefined : setTimeout(end, longestMs)
    const done = (code: number | null) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      settle({ code, ...kept })
    }
    signal?.addEventListener('abort', end)
    child.stdout.on('data', collect('output'))
    child.stderr.on('data', collect('errors'))
    child.on('error', (error) => {
      kept.errors += String(error)
      done(null)
    })
    child.on('close', done)
    if (signal?.aborted === true) end()
  })
}
