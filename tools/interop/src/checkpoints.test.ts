/** Checkpoints both ways: transformers reads the state of our runs, and a run starts from what its Trainer left. */
import { execFile } from 'node:child_process'
import { cpSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { AutoModelForCausalLM, earlyStopping, lora, PeftModel, type PretrainedModel, SFTTrainer } from 'espalier'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const { ESPALIER_PYTHON: python } = process.env
if (python === undefined) console.log('ESPALIER_PYTHON is not set: checkpoints were not exchanged with transformers')

const PATIENCE_MS = 5 * 60_000 // importing PyTorch on a busy machine takes most of it
const TOKENIZER = fileURLToPath(new URL('../../fixtures/subset/data/tokenizers/bytelevel-bpe', import.meta.url))
const SIDE = fileURLToPath(new URL('checkpoints_side.py', import.meta.url))
const rows = Array.from({ length: 6 }, (_, i) => ({ prompt: `say ${i}: `, completion: 'yes '.repeat(1 + (i % 3)) }))

let work = ''
let base: PretrainedModel
const at = (...names: string[]) => join(work, ...names)

async function ask(state: string): Promise<Record<string, unknown>> {
  await promisify(execFile)(python as string, [SIDE, at('model'), state, at('theirs'), at('result.json')])
  return JSON.parse(readFileSync(at('result.json'), 'utf8')) as Record<string, unknown>
}

describe.runIf(python !== undefined)('checkpoints and transformers', { timeout: PATIENCE_MS }, () => {
  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'espalier-checkpoints-'))
    await ask('')
    for (const name of readdirSync(TOKENIZER)) cpSync(join(TOKENIZER, name), at('model', name))
    base = await AutoModelForCausalLM.fromPretrained(at('model'))
  }, PATIENCE_MS)
  afterAll(async () => {
    await base.close()
    await rm(work, { recursive: true, force: true })
  })

  it('reads our trainer_state.json as its TrainerState, callbacks and all', async () => {
    await new SFTTrainer({
      model: base,
      peftConfig: lora({ r: 2, targetModules: 'all-linear' }),
      trainDataset: rows,
      evalDataset: rows.slice(0, 2),
      callbacks: [earlyStopping({ earlyStoppingPatience: 2 })],
      args: {
        outputDir: at('ours'),
        maxSteps: 3,
        saveSteps: 1,
        evalStrategy: 'steps',
        evalSteps: 1,
        loadBestModelAtEnd: true,
      },
    }).train()
    const path = at('ours', 'checkpoint-3', 'trainer_state.json')
    const ours = JSON.parse(readFileSync(path, 'utf8')) as { log_history: readonly object[] }
    const { state, patience, counter } = await ask(path)
    expect(state).toMatchObject(ours)
    expect(ours.log_history).toHaveLength(6)
    expect({ patience, counter }).toEqual({ patience: 2, counter: 0 })
  })

  it('starts from a checkpoint of its Trainer, and says what of it is not read', async () => {
    const checkpoint = at('theirs', 'checkpoint-2')
    expect(readdirSync(checkpoint)).toEqual(expect.arrayContaining(['optimizer.pt', 'scheduler.pt']))
    const model = await PeftModel.fromPretrained(base, checkpoint, { isTrainable: true, strict: true })
    expect(model.warnings).toEqual([expect.stringMatching(/optimizer\.pt, scheduler\.pt.* are not read/)])
    const trainer = new SFTTrainer({ model, trainDataset: rows, args: { outputDir: at('warm'), maxSteps: 1 } })
    const values = readFileSync(join(checkpoint, 'adapter_model.safetensors'))
    expect(await trainer.train()).toMatchObject({ globalStep: 1 })
    expect(readFileSync(at('warm', 'adapter_model.safetensors'))).not.toEqual(values)
    await expect(trainer.train({ resumeFromCheckpoint: checkpoint })).rejects.toMatchObject({
      code: 'checkpoint.unfit',
      details: { files: expect.arrayContaining(['optimizer.pt']) as unknown },
    })
    await model.close()
  })
})
