/**
 * Checkpoints that were changed, from broken disks to strangers: each ends in a typed error, is passed over for the one before, or is as
 * good as it was. `npm run check:kills` changes more of them.
 */
import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EspalierError, reference } from '@espalier/core'
import { adalora } from '@espalier/tuner-adalora'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AutoModelForCausalLM, earlyStopping, type PretrainedModel, SFTTrainer } from '../index.js'
import { tinyModelFiles, tinyRows } from '../tiny-model.fake.js'
import { findCheckpoint } from './find-checkpoint.js'
import { mutate } from './mutations.fake.js'
import { reseal } from './resealed.fake.js'
import { readStateTensors } from './state-file.js'

const GIVEN = process.env.ESPALIER_MUTATIONS
const READ = Number(GIVEN ?? 300)
const TRAINED = GIVEN === undefined ? 6 : 100
const RESEALED = GIVEN === undefined ? 20 : 400
const STEPS = 4
const NEWEST = `checkpoint-${STEPS - 1}`

let root = ''
let model: PretrainedModel
const at = (...names: string[]) => join(root, ...names)

/** Trains in a folder, with all that a checkpoint may hold: ranks given away, best values, a callback that counts. */
async function train(name: string, { seed = 42, resume = false } = {}) {
  return new SFTTrainer({
    model,
    peftConfig: adalora({ initR: 3, targetR: 1, tfinal: 1, totalStep: STEPS + 1, targetModules: ['q_proj'] }),
    trainDataset: tinyRows.slice(0, 3),
    evalDataset: tinyRows.slice(0, 1),
    callbacks: [earlyStopping({ earlyStoppingPatience: 4 })],
    args: {
      ...{ outputDir: at(name), maxSteps: STEPS, saveSteps: 1, perDeviceTrainBatchSize: 2, seed },
      ...{ learningRate: 3, evalStrategy: 'steps', evalSteps: 1, loadBestModelAtEnd: true },
    },
  }).train({ resumeFromCheckpoint: resume })
}

/** All that a run would go on from, as one text. */
async function read(name: string) {
  const { record, history, path, passedOver } = await findCheckpoint(true, at(name))
  const hash = createHash('sha256')
  for (const [key, { dtype, shape, data }] of await readStateTensors(path))
    hash.update(`${key} ${dtype} ${shape}`).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  const state = JSON.stringify([record.position, record.configurations, record.identity, record.run, history])
  return { state: `${state} ${hash.digest('hex')}`, passedOver: passedOver.map((torn) => torn.path) }
}

/** The newest checkpoint of a folder is as it was when the run was killed after it. */
function restore(name: string) {
  rmSync(at(name, NEWEST), { recursive: true, force: true })
  cpSync(at('killed', NEWEST), at(name, NEWEST), { recursive: true })
}

const sources = (name: string) => ({
  checkpoint: at(name, NEWEST),
  others: [at('killed', `checkpoint-${STEPS - 2}`), at('other run', NEWEST)],
})
const bytes = (name: string) => readFileSync(at(name, 'adapter_model.safetensors'))
const codeOf = (error: unknown) => {
  if (EspalierError.isInstance(error)) return error.code as string
  throw error
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'espalier-hostile-'))
  model = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend: reference() })
  await train('whole')
  await train('other run', { seed: 7 })
  for (const [name, last] of [['killed', STEPS - 1], ['read', STEPS - 1], ['older', STEPS - 2]] as const) // biome-ignore format: one row
    for (let step = 1; step <= last; step++)
      cpSync(at('whole', `checkpoint-${step}`), at(name, `checkpoint-${step}`), { recursive: true })
  rmSync(at('other run', `checkpoint-${STEPS}`), { recursive: true })
})
afterAll(async () => {
  await model.close()
  rmSync(root, { recursive: true, force: true })
})

describe('a checkpoint that was changed', { timeout: 120_000 + (READ + 50 * RESEALED) * 20 }, () => {
  it(`is as it was, passed over or refused, ${READ} times`, async () => {
    const [newest, before, foreign] = [await read('read'), await read('older'), await read('other run')]
    const ends = { 'as it was': 0, 'passed over': 0, 'of another run': 0 }
    for (let seed = 0; seed < READ; seed++) {
      const text = mutate(sources('read'), seed, seed % 2 === 0 ? 'files' : 'values')
      const found = await read('read').catch((error: unknown) => error as Error)
      if (found instanceof Error) expect.fail(`${seed}, ${text}: ${found.stack}`)
      const isNewest = found.state === newest.state
      const isForeign = found.state === foreign.state && text === `all of ${at('other run', NEWEST)}`
      expect(isNewest || isForeign || found.state === before.state, `${seed}, ${text}`).toBe(true)
      expect(found.passedOver).toEqual(isNewest || isForeign ? [] : [at('read', NEWEST)])
      ends[isForeign ? 'of another run' : isNewest ? 'as it was' : 'passed over']++
      restore('read')
    }
    console.log(`${READ} changed checkpoints: ${JSON.stringify(ends)}`)
    expect(ends['passed over']).toBeGreaterThan(READ / 2)
  })

  it(`leads to the bytes of the unbroken run, ${TRAINED} times`, async () => {
    for (let seed = 0; seed < TRAINED; seed++) {
      restart()
      const text = mutate(sources('trained'), 1_000_000 + seed, seed % 2 === 0 ? 'files' : 'values')
      const failure = await train('trained', { resume: true }).then(() => undefined, codeOf)
      if (failure === undefined) expect(bytes('trained').equals(bytes('whole')), `${seed}, ${text}`).toBe(true)
      else expect([failure, text]).toEqual(['run.changed', `all of ${at('other run', NEWEST)}`])
    }
  })

  it(`is refused with a typed error where it is made to look whole, or trained to an end, ${RESEALED} times`, async () => {
    const codes: Record<string, number> = {}
    let resealed = 0
    for (let seed = 0; seed < RESEALED; seed++) {
      restart()
      const kind = seed % 2 === 0 ? 'files' : 'values'
      const text = mutate(sources('trained'), 2_000_000 + seed, kind)
      // What is no object any more, or lacks a file, stays as it is.
      await reseal(at('trained', NEWEST), (record) => record, { files: kind === 'files' }).then(
        () => resealed++,
        () => {},
      )
      const end = train('trained', { resume: true }).then(({ reason }) => reason, codeOf)
      const code = await end.catch((error: Error) => expect.fail(`${seed}, ${text}: ${error.stack}`))
      codes[code] = (codes[code] ?? 0) + 1
    }
    console.log(`${RESEALED}, of which ${resealed} look whole: ${JSON.stringify(codes)}`)
    expect(resealed).toBeGreaterThanOrEqual(RESEALED / 2)
  })

  /** The run as it was killed after its newest checkpoint. */
  function restart() {
    rmSync(at('trained'), { recursive: true, force: true })
    cpSync(at('killed'), at('trained'), { recursive: true })
  }
})
