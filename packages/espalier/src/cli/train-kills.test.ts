/** Runs that are killed at any moment. A few here; `npm run check:kills` does the same 200 times with the built command. */
import { spawn } from 'node:child_process'
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Random } from '@espalier/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AutoModelForCausalLM, PeftModel, type PretrainedModel, SFTTrainer } from '../index.js'
import { lockFolder } from '../run-folder/run-lock.js'
import { temporaryFolder, tinyRows } from '../tiny-model.fake.js'
import {
  allCheckpoints,
  type FoundCheckpoint,
  faultsOf,
  type KnownRun,
  knownRun,
  leftovers,
} from './killed-runs.fake.js'
import { cliCommand } from './run-cli.fake.js'

const BUILT = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
const KILLS = Number(process.env.ESPALIER_KILLS ?? 6)
const STEPS = 24
const KEPT = 3 // checkpoints, so that older ones are removed all the while
const EARLIER_RATE = 0.003
const RATE = 0.01

let work: { readonly path: string; remove(): void }
let model: { readonly path: string; remove(): void }
let base: PretrainedModel
let run: KnownRun
let earlier: KnownRun
let durationMs = 0
const at = (name: string) => join(work.path, name)

beforeAll(async () => {
  work = await temporaryFolder()
  model = await temporaryFolder({ model: true })
  base = await AutoModelForCausalLM.fromPretrained(model.path)
  writeFileSync(at('rows.jsonl'), tinyRows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  await train(at('earlier'), EARLIER_RATE, ['--save-steps', '1'])
  earlier = knownRun(at('earlier'), EARLIER_RATE)
  await train(at('known'), RATE, ['--save-steps', '1'])
  run = knownRun(at('known'), RATE)
  const began = performance.now()
  await train(at('timed'), RATE)
  durationMs = performance.now() - began
}, 60_000)
afterAll(async () => {
  await base.close()
  work.remove()
  model.remove()
})

/** Runs the command, and kills it after a time. */
function train(folder: string, rate: number, more: readonly string[] = [], killAfterMs?: number): Promise<void> {
  const words = ['train', '--model', model.path, '--data', at('rows.jsonl'), '--output-dir', folder]
  words.push('--learning-rate', String(rate), '--max-steps', String(STEPS), '--threads', '1', '--overwrite-output-dir')
  words.push('--save-strategy', 'steps', '--lora-r', '2', '--quiet')
  words.push(...(more.length > 0 ? more : ['--save-steps', '1', '--save-total-limit', String(KEPT)]))
  const source = cliCommand(words)
  const [program = '', ...rest] =
    process.env.ESPALIER_KILLS === undefined ? source.words : [process.execPath, BUILT, ...words]
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, { env: source.env, stdio: ['ignore', 'ignore', 'inherit'] })
    if (killAfterMs !== undefined) setTimeout(() => child.kill('SIGKILL'), killAfterMs)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0 || signal === 'SIGKILL') resolve()
      else reject(new Error(`espalier ended with ${code}`))
    })
  })
}

/** Loads a checkpoint and trains it further. */
async function goOn({ path }: FoundCheckpoint): Promise<void> {
  const adapter = await PeftModel.fromPretrained(base, path, { isTrainable: true, strict: true })
  try {
    const trainer = new SFTTrainer({ model: adapter, trainDataset: tinyRows, args: { maxSteps: 1 } })
    expect((await trainer.train()).globalStep).toBe(1)
  } finally {
    await adapter.close()
  }
}

/** One of two results is always there, whole, for who only reads. */
async function readResult(folder: string): Promise<void> {
  await (await PeftModel.fromPretrained(base, folder, { strict: true })).close()
  expect(rateOf(folder)).toBeDefined()
  expect(faultsOf(folder, [earlier, run])).toEqual([])
}

it('tells folders that say what is not so', () => {
  const tampered = (name: string, tamper: (folder: string) => void) => {
    cpSync(at('known'), at(name), { recursive: true })
    tamper(at(name))
    return faultsOf(at(name), [earlier, run])
  }
  expect(tampered('as it was', () => {})).toEqual([])
  for (const name of ['run.json', 'log.jsonl', 'adapter_model.safetensors', 'trainer_state.json'])
    expect(tampered(`without ${name}`, (folder) => rmSync(join(folder, name))).length).toBeGreaterThan(0)
  for (const name of ['run.json', 'adapter_model.safetensors', 'checkpoint-3/adapter_model.safetensors'])
    expect(tampered(`other ${name}`, (folder) => cpSync(at(`earlier/${name}`), join(folder, name)))).toHaveLength(
      name.startsWith('checkpoint') ? 0 : 1,
    )
  const half = tampered('half', (folder) => rmSync(join(folder, 'checkpoint-3/tokenizer.json')))
  expect(half).toEqual([expect.stringContaining('checkpoint-3: no tokenizer.json')])
  const older = tampered('older', (folder) =>
    cpSync(at('known/checkpoint-2/adapter_model.safetensors'), join(folder, 'checkpoint-3/adapter_model.safetensors')),
  )
  expect(older).toHaveLength(1)
})

describe(`a run that is killed, ${KILLS} times`, { timeout: 60_000 + KILLS * 10_000 }, () => {
  // Even numbers run over an earlier result, odd ones in a folder of their own; moments are spread over the whole run.
  it.each(Array.from({ length: KILLS }, (_, index) => index))('%i: leaves only what is so', async (index) => {
    const folder = at(`killed-${index}`)
    const isOver = index % 2 === 0
    if (isOver) cpSync(at('earlier'), folder, { recursive: true })
    const share = (index + 0.5 + (new Random(7).at(`kill ${index}`).uniform(1, 0.5)[0] ?? 0)) / KILLS
    await train(folder, RATE, [], share * durationMs)
    const runs = isOver ? [earlier, run] : [run]
    expect(faultsOf(folder, runs)).toEqual([])
    const newest = allCheckpoints(folder).at(-1)
    if (newest !== undefined) await goOn(newest)
    if (isOver) await readResult(folder)
    if (existsSync(folder)) await (await lockFolder(folder)).release()
    expect(leftovers(folder)).toEqual([])
    expect(faultsOf(folder, runs)).toEqual([])
    if (index % 10 > 1) return
    await train(folder, RATE)
    expect(faultsOf(folder, [run])).toEqual([])
    expect(readdirSync(folder).sort()).toEqual(readdirSync(at('timed')).sort())
  })
})

/** The learning rate of the run whose result a folder holds. */
function rateOf(folder: string): number | undefined {
  if (!existsSync(join(folder, 'adapter_config.json'))) return undefined
  return (JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')) as { config: { learning_rate: number } }).config
    .learning_rate
}
