import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EspalierError } from '@espalier/core'
import type { StepEvent } from '@espalier/trainer'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type RunEnd, type RunFacts, RunFiles } from './run-files.js'

const facts: RunFacts = {
  config: { num_train_epochs: 2, logging_steps: 1, note: '<script>alert(1)</script>' },
  versions: { espalier: '0' },
  base: { nameOrPath: 'a/<b>', revision: null, parameters: 5 },
  data: [],
  trainableParameters: 'trainable params: 1',
  supervision: ['rows: 1 kept', 'example (trained between [[ and ]]):', 'ask: [[answer]]'],
}
const step = (n: number): StepEvent => ({
  type: 'step',
  step: n,
  totalSteps: 3,
  epoch: n / 2,
  loss: 1 / n,
  learningRate: 0.1,
  gradNorm: 1,
  tokens: 10,
  usefulTokens: 5,
  seconds: 0.5,
  tokensPerSecond: 20,
  peakMemoryBytes: 1000,
  etaSeconds: 1,
})

const end: RunEnd = {
  step: 3,
  outcome: { reason: 'done', trainingLoss: 0.6, seconds: 2 },
  best: { metric: 0.25, step: 2 },
  bestModel: null,
}

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'espalier-run-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))
const json = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Record<string, unknown>

describe('RunFiles', () => {
  it('refuses a folder that is a file, or lies below one, with a typed error', async () => {
    const file = join(folder, 'file')
    writeFileSync(file, 'hi')
    for (const path of [file, join(file, 'below/it')])
      await expect(RunFiles.open(path, facts)).rejects.toMatchObject({ code: 'file.write' })
    expect(readFileSync(file, 'utf8')).toBe('hi')
  })

  it('writes every step in order, and the state as transformers does', async () => {
    const files = await RunFiles.open(folder, facts)
    expect(json('run.json')).not.toHaveProperty('outcome')
    files.note({ type: 'start', step: 0, epoch: 0, totalSteps: 3, stepsPerEpoch: 2, trainableParameters: 1 })
    for (const n of [1, 2]) files.note(step(n))
    files.note({
      type: 'evaluate',
      step: 2,
      epoch: 1,
      evalLoss: 0.25,
      perplexity: 1.3,
      metrics: { accuracy: 0.5 },
      seconds: 1,
      best: true,
    })
    const midway = files.checkpointTexts({ best: { metric: 0.25, step: 2 }, bestModel: 'out/checkpoint-2' })
    expect(JSON.parse(midway['trainer_state.json'] as string)).toMatchObject({
      global_step: 2,
      best_global_step: 2,
      best_metric: 0.25,
      best_model_checkpoint: 'out/checkpoint-2',
    })
    files.note(step(3))
    const texts = await files.finalTexts(end)
    expect(Object.keys(texts).sort()).toEqual(['report.html', 'run.json', 'trainer_state.json'])
    const log = readFileSync(join(folder, 'log.jsonl'), 'utf8').trim().split('\n')
    expect(log.map((line) => (JSON.parse(line) as { step: number }).step)).toEqual([1, 2, 2, 3])
    expect(JSON.parse(log[2] as string)).toMatchObject({ eval_loss: 0.25, eval_accuracy: 0.5 })
    const state = JSON.parse(texts['trainer_state.json'] as string) as Record<string, unknown>
    expect(Object.keys(state)).toEqual(Object.keys(state).sort())
    expect(state).toMatchObject({ global_step: 3, max_steps: 3, num_train_epochs: 2, best_metric: 0.25 })
    expect(JSON.parse(texts['run.json'] as string)).toMatchObject({ outcome: { reason: 'done', steps: 3 } })
  })

  it('goes on when the log cannot be written, says so once, and writes it again', async () => {
    const told: string[] = []
    const files = await RunFiles.open(folder, facts, { warn: (message) => told.push(message) })
    rmSync(join(folder, 'log.jsonl'))
    mkdirSync(join(folder, 'log.jsonl'))
    for (const n of [1, 2]) files.note(step(n))
    expect(await files.finalTexts(end)).not.toHaveProperty('log.jsonl') // a folder is in its place
    expect(told).toHaveLength(1)
    rmSync(join(folder, 'log.jsonl'), { recursive: true })
    expect((await files.finalTexts(end))['log.jsonl']?.trim().split('\n')).toHaveLength(2)
    files.note(step(3))
    expect(await files.finalTexts(end)).not.toHaveProperty('log.jsonl')
    expect(readFileSync(join(folder, 'log.jsonl'), 'utf8').trim().split('\n')).toHaveLength(3)
    expect(told).toHaveLength(1)
  })

  it('tells where a run is at a save, whatever its log skips', async () => {
    const files = await RunFiles.open(folder, facts, { loggingSteps: 2 })
    files.note({ type: 'start', step: 0, epoch: 0, totalSteps: 3, stepsPerEpoch: 2, trainableParameters: 1 })
    const state = () =>
      JSON.parse(files.checkpointTexts({ best: null, bestModel: null })['trainer_state.json'] as string) as unknown
    files.note(step(1))
    expect(state()).toMatchObject({ global_step: 1, epoch: 0.5, num_input_tokens_seen: 10, log_history: [] })
    for (const n of [2, 3]) files.note(step(n))
    expect(state()).toMatchObject({ global_step: 3, epoch: 1.5, num_input_tokens_seen: 30 })
    await files.finalTexts(end) // the log is written by then
  })

  it('says of a run without a result why there is none', async () => {
    const files = await RunFiles.open(folder, facts)
    await files.failed(new EspalierError('training.diverged', { what: 'the loss is not a number' }))
    expect(json('run.json')).toMatchObject({ outcome: { reason: 'failed', code: 'training.diverged' } })
  })

  it('writes a page that loads nothing and runs nothing', async () => {
    const files = await RunFiles.open(folder, facts)
    for (const n of [1, 2, 3]) files.note(step(n))
    const page = (await files.finalTexts(end))['report.html'] ?? ''
    expect(page.match(/<svg/g)).toHaveLength(4)
    expect(page).toContain('<mark>answer</mark>')
    expect(page).not.toMatch(/<script|src=|href=|url\(|@import/)
  })
})
