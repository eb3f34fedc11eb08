/** Runs that are killed at any moment and go on. A few here; `npm run check:kills` does it 100 times with 200 steps and the built command. */
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Random } from '@espalier/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder, tinyRows } from '../tiny-model.fake.js'
import { adapterBytes, adapterValues, BUILT, curveOf, type OnTheWay, runKilled } from './killed-command.fake.js'
import { leftovers } from './killed-runs.fake.js'
import { cliCommand } from './run-cli.fake.js'

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
  if (GIVEN !== undefined) console.log(`killed while a checkpoint was written: ${metSaves} of ${KILLS} first kills`)
  work.remove()
  model.remove()
})

interface Asked extends OnTheWay {
  readonly more?: readonly string[]
}

/** Runs the command in a folder; its exit code, null when it was killed. */
function train(name: string, { more = [], ...onTheWay }: Asked = {}) {
  const words = ['train', '--model', MODEL ?? model.path, '--data', at('rows.jsonl'), '--output-dir', at(name)]
  words.push('--max-steps', String(STEPS), '--save-steps', String(SAVED), '--save-total-limit', '3', '--threads', '1')
  words.push('--per-device-train-batch-size', '2', '--lora-r', '2', '--lora-dropout', '0.1', '--learning-rate', '0.01')
  words.push('--eval-data', at('rows.jsonl'), '--eval-strategy', 'steps', '--eval-steps', '7')
  words.push('--load-best-model-at-end', '--quiet', '--json', ...MORE, ...more)
  const source = cliCommand(words)
  const built = { ...source, words: [process.execPath, BUILT, ...words] }
  return runKilled(GIVEN === undefined ? source : built, onTheWay)
}

const curve = (name: string) => curveOf(at(name))
const bytes = (name: string) => adapterBytes(at(name))
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
    const [a, b] = [adapterValues(at('whole')), adapterValues(at('threads'))]
    expect(a.length).toBe(b.length)
    expect(a.every((value, i) => Math.abs(value - (b[i] ?? 0)) < CLOSE)).toBe(true)
  })
})
