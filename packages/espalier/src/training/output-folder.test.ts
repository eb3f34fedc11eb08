import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TrainingEvent } from '@espalier/trainer'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli } from '../cli/run-cli.fake.js'
import { AutoModelForCausalLM, getPeftModel, lora, type PretrainedModel, type SFTConfig, SFTTrainer } from '../index.js'
import { UNFINISHED } from '../run-folder/run-names.js'
import { temporaryFolder, tinyRows } from '../tiny-model.fake.js'

const peftConfig = lora({ r: 2, targetModules: 'all-linear' })
let local: Awaited<ReturnType<typeof temporaryFolder>>
let work: Awaited<ReturnType<typeof temporaryFolder>>
let model: PretrainedModel
const at = (name: string) => join(work.path, name)

beforeAll(async () => {
  local = await temporaryFolder({ model: true })
  work = await temporaryFolder()
  model = await AutoModelForCausalLM.fromPretrained(local.path)
})
afterAll(async () => {
  await model.close()
  local.remove()
  work.remove()
})

const trainerOf = (args: SFTConfig) =>
  new SFTTrainer({ model, peftConfig, trainDataset: tinyRows, args: { maxSteps: 4, ...args } })

describe('outputDir', () => {
  it('is no empty path, and not the base model’s own folder', async () => {
    expect(() => trainerOf({ outputDir: '' })).toThrow(expect.objectContaining({ code: 'config.value' }))
    const trainer = trainerOf({ outputDir: local.path, overwriteOutputDir: true })
    await expect(trainer.train()).rejects.toMatchObject({ code: 'config.value' })
    await expect(trainer.saveModel('')).rejects.toMatchObject({ code: 'config.value' })
  })

  it('does not hold the rows that it is trained on', async () => {
    const rows = at('log.jsonl')
    writeFileSync(rows, tinyRows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    const before = readFileSync(rows)
    const trainer = new SFTTrainer({ model, peftConfig, trainDataset: rows, args: { outputDir: work.path } })
    await expect(trainer.train()).rejects.toMatchObject({ code: 'config.value', details: { data: rows } })
    expect(readFileSync(rows)).toEqual(before)
    rmSync(rows)
  })

  it('has no folder of somebody’s data under the name of an adapter', async () => {
    mkdirSync(at('named/rows'), { recursive: true })
    writeFileSync(at('named/rows/rows.jsonl'), '')
    const adapted = getPeftModel(model, peftConfig, { adapterName: 'rows' })
    const trainer = new SFTTrainer({ model: adapted, trainDataset: tinyRows, args: { outputDir: at('named') } })
    const details = { inTheWay: [expect.stringContaining(at('named/rows'))] }
    await expect(trainer.train()).rejects.toMatchObject({ code: 'config.value', details })
    await adapted.close()
  })

  it('is another run’s for a trainer that has written nothing there', async () => {
    const outputDir = at('taken')
    const args = { outputDir, maxSteps: 1, saveStrategy: 'no' } as const
    const early = new SFTTrainer({ model, peftConfig, trainDataset: at('not-yet.jsonl'), args })
    await expect(early.train()).rejects.toMatchObject({ code: 'data.file' })
    await trainerOf(args).train()
    writeFileSync(at('not-yet.jsonl'), tinyRows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    await expect(early.train()).rejects.toMatchObject({ code: 'config.value', what: expect.stringContaining('a run') })
  })

  it('holds the same files after a run of a program as after one of the command line', {
    timeout: 60_000,
  }, async () => {
    await trainerOf({ outputDir: at('program'), maxSteps: 2, saveStrategy: 'steps', saveSteps: 1 }).train()
    writeFileSync(at('rows.jsonl'), tinyRows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    const words = ['train', '--model', local.path, '--data', at('rows.jsonl'), '--output-dir', at('command')]
    const saving = ['--max-steps', '2', '--save-strategy', 'steps', '--save-steps', '1']
    expect(await runCli([...words, ...saving])).toMatchObject({ code: 0 })
    const files = (folder: string) => readdirSync(folder, { recursive: true }).map(String).sort()
    expect(files(at('program'))).toEqual(files(at('command')))
    expect(files(at('program'))).toEqual(expect.arrayContaining(['run.json', 'log.jsonl', 'report.html']))
    const facts = (folder: string) => JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')) as object
    expect(Object.keys(facts(at('command')))).toEqual(expect.arrayContaining(Object.keys(facts(at('program')))))
    expect(facts(at('program'))).toMatchObject({ outcome: { reason: 'done', steps: 2 }, config: { max_steps: 2 } })
    expect(facts(at('program'))).toHaveProperty('data', [{ path: 'rows' }]) // no file has a hash
    expect(facts(at('command'))).toMatchObject({
      data: [{ sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string }],
    })
  })

  it('stays as it was when a run over it fails, which says why beside it', async () => {
    const outputDir = at('earlier')
    const args = { outputDir, saveStrategy: 'steps', saveSteps: 2 } as const
    await trainerOf(args).train()
    const before = contents(outputDir)
    const failing = trainerOf({ ...args, overwriteOutputDir: true, learningRate: 1e30 })
    await expect(failing.train()).rejects.toMatchObject({ code: 'training.diverged' })
    expect(contents(outputDir)).toEqual(before)
    const told = JSON.parse(readFileSync(join(outputDir, UNFINISHED, 'run.json'), 'utf8')) as unknown
    expect(told).toMatchObject({ outcome: { reason: 'failed', code: 'training.diverged' } })
    await trainerOf({ ...args, overwriteOutputDir: true, maxSteps: 3 }).train()
    const names = readdirSync(outputDir)
    expect(names).toContain('checkpoint-2')
    expect(names).not.toContain(UNFINISHED)
    expect(readFileSync(join(outputDir, 'log.jsonl'), 'utf8').trim().split('\n')).toHaveLength(3)
  })

  it('keeps the checkpoints of a run over an earlier one that came to no result, and names them to who would go on', {
    timeout: 60_000,
  }, async () => {
    const outputDir = at('interrupted')
    await trainerOf({ outputDir, saveStrategy: 'no', maxSteps: 1 }).train()
    const args = { outputDir, saveStrategy: 'steps', saveSteps: 1, overwriteOutputDir: true } as const
    const onEvent = ({ type }: TrainingEvent) => {
      if (type === 'save') throw new Error('the power is gone')
    }
    const failing = new SFTTrainer({ model, peftConfig, trainDataset: tinyRows, args, onEvent })
    await expect(failing.train()).rejects.toThrow('the power is gone')
    const lies = join(outputDir, UNFINISHED, 'checkpoint-1')
    await expect(trainerOf(args).train({ resumeFromCheckpoint: true })).rejects.toMatchObject({
      code: 'run.changed',
      details: { checkpoint: lies, changes: ['maxSteps: -1 -> 4'] },
    })
    await expect(
      trainerOf(args).train({ resumeFromCheckpoint: join(outputDir, 'checkpoint-1') }),
    ).rejects.toMatchObject({ code: 'file.missing', details: { unfinished: lies } })
    writeFileSync(at('rows.jsonl'), tinyRows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    const words = ['train', '--model', local.path, '--data', at('rows.jsonl'), '--output-dir', outputDir]
    const command = await runCli([...words, '--resume', '--overwrite-output-dir'])
    expect(command.code).toBe(1)
    expect(command.stderr).toContain(`--adapter ${lies} `)
    const place = await runCli([...words, '--overwrite-output-dir', '--resume', join(outputDir, 'checkpoint-1')])
    expect(place.code).toBe(1)
    expect(place.stderr).toContain(lies)
    cpSync(outputDir, at('gone on'), { recursive: true })
    const goesOn = { ...args, outputDir: at('gone on') }
    const again = new SFTTrainer({ model, peftConfig, trainDataset: tinyRows, args: goesOn })
    expect(await again.train({ resumeFromCheckpoint: true })).toMatchObject({ globalStep: 3 })
    expect(readdirSync(at('gone on'))).not.toContain(UNFINISHED)
    for (const name of readdirSync(outputDir)) if (name !== UNFINISHED) rmSync(join(outputDir, name))
    const unasked = trainerOf({ outputDir }).train()
    await expect(unasked).rejects.toMatchObject({ details: { holds: [`${UNFINISHED}/checkpoint-1`] } })
    expect(readdirSync(lies)).toContain('adapter_model.safetensors')
  })

  it('tells how a run ended that was stopped over an earlier one, together with its values', async () => {
    const outputDir = at('stopped')
    await trainerOf({ outputDir, saveStrategy: 'no' }).train()
    const run = trainerOf({ outputDir, saveStrategy: 'no', overwriteOutputDir: true, maxSteps: 1000 }).train()
    for await (const event of run) {
      if (event.type === 'step' && event.step >= 2) run.stop()
      if (event.type !== 'save') continue
      const [told, log] = ['run.json', 'log.jsonl'].map((name) => readFileSync(join(outputDir, name), 'utf8'))
      expect(JSON.parse(told ?? '')).toMatchObject({ outcome: { reason: 'stopped', steps: event.step } })
      expect(log?.trim().split('\n')).toHaveLength(event.step)
    }
    expect((await run).reason).toBe('stopped')
  })
})

/** Every file by its path, without those of a run that has no result. */
function contents(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).filter((path) => !path.includes(UNFINISHED))
  return Object.fromEntries(paths.map((path) => [path, readFileSync(path, 'base64')]))
}
