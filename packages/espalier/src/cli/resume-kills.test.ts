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
const STEPS_DONE = MODEL === undefined ? STEPS : 12
const SAVED_EACH = MODEL === undefined ? SAVED : 2

let work: { readonly path: string; remove(): void }
let model: { readonly path: string; remove(): void }
let stepMs = 0
const at = (...names: string[]) => join(work.path, ...names)

beforeAll(async () => {
  work = await temporaryFolder()
  model = await temporaryFolder({ model: true })
  writeFileSync(at('rows.jsonl'), tinyRows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  let began = 0
  expect(await train('whole', { onFirstStep: () => (began = performance.now()) })).toBe(0)
  stepMs = (performance.now() - began) / STEPS_DONE // saves among them
}, 600_000)
afterAll(() => {
  work.remove()
  model.remove()
})

/** When a run is killed: a time after it said that a step was done, so that the whole of a step and of its checkpoint are met. */
interface Kill {
  readonly step: number
  readonly afterMs: number
}

const NEVER: Kill = { step: -1, afterMs: 0 }

interface Asked {
  readonly more?: readonly string[]
  readonly kill?: Kill
  readonly onFirstStep?: () => void
}

/** Runs the command in a folder; its exit code, null when it was killed. */
function train(name: string, { more = [], kill = NEVER, onFirstStep }: Asked = {}) {
  const words = ['train', '--model', MODEL ?? model.path, '--data', at('rows.jsonl'), '--output-dir', at(name)]
  words.push('--max-steps', String(STEPS), '--save-steps', String(SAVED), '--save-total-limit', '3', '--threads', '1')
  words.push('--per-device-train-batch-size', '2', '--lora-r', '2', '--lora-dropout', '0.1', '--learning-rate', '0.01')
  words.push('--eval-data', at('rows.jsonl'), '--eval-strategy', 'steps', '--eval-steps', '7')
  words.push('--load-best-model-at-end', '--quiet', '--json', ...MORE, ...more)
  const source = cliCommand(words)
  const [program = '', ...rest] = GIVEN === undefined ? source.words : [process.execPath, BUILT, ...words]
  return new Promise<number | null>((resolve, reject) => {
    const child = spawn(program, rest, { env: source.env, stdio: ['ignore', 'pipe', 'inherit'] })
    let told = ''
    const marks: [string, () => void][] = [
      ['"type":"step"', () => onFirstStep?.()],
      [
        kill.step === 0 ? '"type":"start"' : `"type":"step","step":${kill.step},`,
        () => setTimeout(() => child.kill('SIGKILL'), kill.afterMs),
      ],
    ]
    child.stdout.on('data', (chunk: Buffer) => {
      told += chunk.toString()
      for (const mark of [...marks]) if (told.includes(mark[0])) marks.splice(marks.indexOf(mark), 1)[0]?.[1]()
    })
    child.on('error', reject)
    child.on('close', (code) => resolve(code))
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

const bytes = (name: string) => readFileSync(at(name, 'adapter_model.safetensors'))
/** All of an adapter's values, which are float32. */
const values = (name: string) => {
  const file = bytes(name)
  const start = 8 + Number(file.readBigUInt64LE(0))
  return new Float32Array(file.buffer.slice(file.byteOffset + start, file.byteOffset + file.byteLength))
}
const CLOSE = 1e-5 // sums in another order
let metSaves = 0
const MARGIN = Math.ceil(STEPS_DONE / 10) // steps that are left after a kill, so that it meets a run on a busy machine too

describe(`a run that is killed, ${KILLS} times`, { timeout: 120_000 + KILLS * 60_000 }, () => {
  it.each(Array.from({ length: KILLS }, (_, index) => index))(
    '%i: goes on, is killed once more, and goes on to the loss curve and the bytes of the unbroken one',
    async (index) => {
      const name = `killed-${index}`
      const [x = 0, y = 0, later = 0, z = 0] = new Random(11)
        .at(`kill ${index}`)
        .uniform(4, 0.5)
        .map((u) => u + 0.5)
      const latest = STEPS_DONE - 2 * MARGIN
      const moment = Math.floor(((index + x) / KILLS) * latest)
      const step = index % 2 === 0 ? moment - (moment % SAVED_EACH) : moment // half of them while a checkpoint is written
      const again = step + MARGIN + Math.floor(later * (latest - step))
      expect(await train(name, { kill: { step, afterMs: y * stepMs } })).toBeNull()
      if (leftovers(at(name)).some((left) => left.startsWith('.checkpoint-'))) metSaves++
      expect(await train(name, { more: ['--resume'], kill: { step: again, afterMs: z * stepMs } })).toBeNull()
      expect(await train(name, { more: ['--resume'] })).toBe(0)
      expect(bytes(name)).toEqual(bytes('whole'))
      expect(curve(name)).toEqual(curve('whole'))
      expect(leftovers(at(name))).toEqual([])
      expect(readdirSync(at(name)).sort()).toEqual(readdirSync(at('whole')).sort())
    },
  )

  // Fewer kills may all fall between two checkpoints.
  it.runIf(KILLS >= 20)('was killed while it wrote a checkpoint, now and then', () => {
    expect(metSaves).toBeGreaterThanOrEqual(Math.floor(KILLS / 20))
  })

  it('goes on with another number of threads to the same curve and values within 1e-5', async () => {
    expect(await train('threads', { kill: { step: SAVED_EACH * 2, afterMs: 0 } })).toBeNull()
    expect(await train('threads', { more: ['--resume', '--threads', '2'] })).toBe(0)
    const [whole, other] = [curve('whole'), curve('threads')]
    expect(other).toHaveLength(whole.length)
    for (const [i, line] of whole.entries())
      for (const [key, value] of Object.entries(line))
        expect(Math.abs((other[i]?.[key] ?? 0) - value)).toBeLessThan(CLOSE * Math.max(1, Math.abs(value)))
    const [a, b] = [values('whole'), values('threads')]
    expect(a.length).toBe(b.length)
    expect(a.every((value, i) => Math.abs(value - (b[i] ?? 0)) < CLOSE)).toBe(true)
  })
})
