/** Runs that are killed at any moment and go on. A few here; `npm run check:kills` does it 100 times with 200 steps and the built command. */
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Random } from '@espalier/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder, tinyRows } from '../tiny-model.fake.js'
import { leftovers } from './killed-runs.fake.js'
import { cliCommand } from './run-cli.fake.js'

const BUILT = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
const GIVEN = process.env.ESPALIER_RESUMES
const KILLS = Number(GIVEN ?? 2)
const STEPS = GIVEN === undefined ? 30 : 200
const SAVED = GIVEN === undefined ? 2 : 5 // steps between checkpoints: a kill meets one of them now and then
const MODEL = process.env.ESPALIER_RESUMES_MODEL // another one than the tiny one, and fewer steps
const MORE = MODEL === undefined ? [] : ['--max-steps', '12', '--save-steps', '2', '--max-length', '64']

let work: { readonly path: string; remove(): void }
let model: { readonly path: string; remove(): void }
let durationMs = 0
const at = (...names: string[]) => join(work.path, ...names)

beforeAll(async () => {
  work = await temporaryFolder()
  model = await temporaryFolder({ model: true })
  writeFileSync(at('rows.jsonl'), tinyRows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  const began = performance.now()
  expect(await train('whole')).toBe(0)
  durationMs = performance.now() - began
}, 600_000)
afterAll(() => {
  work.remove()
  model.remove()
})

/** Runs the command in a folder, and kills it after a time; its exit code, null when it was killed. */
function train(name: string, { more = [], killAfterMs }: { more?: readonly string[]; killAfterMs?: number } = {}) {
  const words = ['train', '--model', MODEL ?? model.path, '--data', at('rows.jsonl'), '--output-dir', at(name)]
  words.push('--max-steps', String(STEPS), '--save-steps', String(SAVED), '--save-total-limit', '3', '--threads', '1')
  words.push('--per-device-train-batch-size', '2', '--lora-r', '2', '--lora-dropout', '0.1', '--learning-rate', '0.01')
  words.push('--eval-data', at('rows.jsonl'), '--eval-strategy', 'steps', '--eval-steps', '7')
  words.push('--load-best-model-at-end', '--quiet', ...MORE, ...more)
  const source = cliCommand(words)
  const [program = '', ...rest] = GIVEN === undefined ? source.words : [process.execPath, BUILT, ...words]
  return new Promise<number | null>((resolve, reject) => {
    const child = spawn(program, rest, { env: source.env, stdio: ['ignore', 'ignore', 'inherit'] })
    const timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs ?? 2 ** 31 - 1)
    child.on('error', reject)
    child.on('close', (code) => {
      clearTimeout(timer)
      resolve(code)
    })
  })
}

/** Lines of a log without what depends on the clock and the machine. */
const curve = (name: string) =>
  readFileSync(at(name, 'log.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const { seconds, tokens_per_second, peak_memory_bytes, eval_runtime, ...rest } = JSON.parse(line) as Record<
        string,
        number
      >
      return rest
    })

describe(`a run that is killed, ${KILLS} times`, { timeout: 120_000 + KILLS * 60_000 }, () => {
  it.each(Array.from({ length: KILLS }, (_, index) => index))(
    '%i: goes on to the loss curve and the bytes of the unbroken one',
    async (index) => {
      const name = `killed-${index}`
      const share = (index + 0.5 + (new Random(11).at(`kill ${index}`).uniform(1, 0.5)[0] ?? 0)) / KILLS
      await train(name, { killAfterMs: share * durationMs })
      expect(await train(name, { more: ['--resume'] })).toBe(0)
      expect(readFileSync(at(name, 'adapter_model.safetensors'))).toEqual(
        readFileSync(at('whole', 'adapter_model.safetensors')),
      )
      expect(curve(name)).toEqual(curve('whole'))
      expect(leftovers(at(name))).toEqual([])
      expect(readdirSync(at(name)).sort()).toEqual(readdirSync(at('whole')).sort())
    },
  )
})
