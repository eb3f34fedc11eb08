/** Rows of a program, which come from no file: a run that goes on knows them by what they became. */
import { join } from 'node:path'
import type { EspalierError } from '@espalier/core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { AutoModelForCausalLM, lora, type PretrainedModel, type PromptCompletion, SFTTrainer } from '../index.js'
import { temporaryFolder } from '../tiny-model.fake.js'

let local: Awaited<ReturnType<typeof temporaryFolder>>
let model: PretrainedModel
beforeAll(async () => {
  local = await temporaryFolder({ model: true })
  model = await AutoModelForCausalLM.fromPretrained(local.path)
})
afterAll(async () => {
  await model.close()
  local.remove()
})

const row = (completion: string): PromptCompletion => ({ prompt: 'say 1: ', completion })
const [first, second] = [row('yes no '), row('no yes ')]
const ROWS = [first, second, row('yes '), row('no ')]
const EVALUATED = [first, second]

function train(trainDataset: readonly PromptCompletion[], evalDataset = EVALUATED, resume = true) {
  const args = { outputDir: join(local.path, 'run'), maxSteps: 2, saveSteps: 1, overwriteOutputDir: true } as const
  return new SFTTrainer({ model, peftConfig: lora({ r: 1 }), trainDataset, evalDataset, args }).train({
    resumeFromCheckpoint: resume && 'checkpoint-1',
  })
}

it('tells other rows of equal lengths, and names nothing else of them', async () => {
  await train(ROWS, EVALUATED, false)
  const changedOf = async (rows: readonly PromptCompletion[], evaluated?: PromptCompletion[]) => {
    const error = await train(rows, evaluated).catch((reason: unknown) => reason)
    return (error as EspalierError).details.changes
  }
  expect(await changedOf([second, first, ...ROWS.slice(2)])).toEqual([
    expect.stringMatching(/^training data ids and labels of rows: /),
  ])
  expect(await changedOf(ROWS, [second, first])).toEqual([
    expect.stringMatching(/^evaluation data ids and labels of rows: /),
  ])
  expect(await changedOf([...ROWS, first])).toEqual([expect.stringMatching(/^training data rows: /)])
  await train([...ROWS])
})
