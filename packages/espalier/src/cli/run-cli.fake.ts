/** The command line as a process of its own, from the sources: for tests. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'

const ENTRY = fileURLToPath(new URL('../cli.ts', import.meta.url))
const TSCONFIG = fileURLToPath(new URL('../../../../tsconfig.json', import.meta.url))
const LOADER = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href

/** How it ended, and what it wrote. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A running command. */
export interface RunningCli {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** Waits until stderr or stdout holds a text. */
  saw(text: string): Promise<void>
}

/** The command that runs `espalier` with these words, and its environment. */
export function cliCommand(words: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  return {
    words: [process.execPath, '--import', LOADER, ENTRY, ...words],
    env: { ...process.env, TSX_TSCONFIG_PATH: TSCONFIG, HF_HUB_OFFLINE: '1', ...environment },
  }
}

/** Starts `espalier` with these words. */
export function startCli(words: readonly string[], environment: Readonly<Record<string, string>> = {}): RunningCli {
  const command = cliCommand(words, environment)
  const [program = '', ...rest] = command.words
  const child = spawn(program, rest, { env: command.env, stdio: ['pipe', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  const waiting = new Set<() => void>()
  const heard = () => {
    for (const check of waiting) check()
  }
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString()
    heard()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
    heard()
  })
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
  const saw = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const check = () => {
        if (!stderr.includes(text) && !stdout.includes(text)) return
        waiting.delete(check)
        resolve()
      }
      waiting.add(check)
      check()
      void ended.then(() => reject(new Error(`it ended without "${text}":\n${stderr}`)))
    })
  return { child, ended, saw }
}

/** Runs `espalier` to its end, with nothing on stdin. */
export function runCli(words: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const { child, ended } = startCli(words, environment)
  child.stdin?.end()
  return ended
}
