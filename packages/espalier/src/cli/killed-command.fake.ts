/** `espalier train` as a process that is killed on its way, and what it leaves to compare: for tests. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The command as it is built. */
export const BUILT = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

/** When a run is killed: a time after it said that a step was done, so that the whole of a step and of its checkpoint are met. Step 0 is its start. */
export interface Kill {
  readonly step: number
  readonly afterMs: number
}

/** A process: its words, the program first. The words hold `--json`, which tells the steps. */
export interface KillableCommand {
  readonly words: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

/** What happens on the way. */
export interface OnTheWay {
  readonly kill?: Kill | undefined
  readonly onFirstStep?: (() => void) | undefined
}

/** Runs a command to its end, or kills it; its exit code, null when it was killed. */
export function runKilled({ words, env }: KillableCommand, { kill, onFirstStep }: OnTheWay): Promise<number | null> {
  const [program = '', ...rest] = words
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, { env, stdio: ['ignore', 'pipe', 'inherit'] })
    let told = ''
    const marks: [string, () => void][] = [['"type":"step"', () => onFirstStep?.()]]
    if (kill !== undefined)
      marks.push([
        kill.step === 0 ? '"type":"start"' : `"type":"step","step":${kill.step},`,
        () => setTimeout(() => child.kill('SIGKILL'), kill.afterMs),
      ])
    child.stdout.on('data', (chunk: Buffer) => {
      told += chunk.toString()
      for (const mark of [...marks]) if (told.includes(mark[0])) marks.splice(marks.indexOf(mark), 1)[0]?.[1]()
    })
    child.on('error', reject)
    child.on('close', (code) => resolve(code))
  })
}

/** Lines of a folder's log without what depends on the clock and the machine. */
export function curveOf(folder: string): readonly Record<string, number>[] {
  return readFileSync(join(folder, 'log.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const { seconds, tokens_per_second, peak_memory_bytes, eval_runtime, ...rest } = JSON.parse(line) as Record<
        string,
        number
      >
      return rest
    })
}

/** The file of a folder's adapter. */
export function adapterBytes(folder: string): Buffer {
  return readFileSync(join(folder, 'adapter_model.safetensors'))
}

/** All of an adapter's values, which are float32. */
export function adapterValues(folder: string): Float32Array {
  const file = adapterBytes(folder)
  const start = 8 + Number(file.readBigUInt64LE(0))
  return new Float32Array(file.buffer.slice(file.byteOffset + start, file.byteOffset + file.byteLength))
}
