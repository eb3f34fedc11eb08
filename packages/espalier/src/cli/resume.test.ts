/** `espalier train --resume`, as its users meet it. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder, tinyRows } from '../tiny-model.fake.js'
import { runCli, startCli } from './run-cli.fake.js'

let work: { readonly path: string; remove(): void }
let model: { readonly path: string; remove(): void }
const at = (...names: string[]) => join(work.path, ...names)
const words = (folder: string, steps: number) => [
  ...['train', '--model', model.path, '--data', at('rows.jsonl'), '--output-dir', at(folder)],
  ...['--save-steps', '1', '--max-steps', String(steps), '--per-device-train-batch-size', '2'],
]
const lastLine = (text: string) => text.trim().split('\n').at(-1) ?? ''
const bytes = (folder: string) => readFileSync(at(folder, 'adapter_model.safetensors'))

beforeAll(async () => {
  work = await temporaryFolder()
  model = await temporaryFolder({ model: true })
  writeFileSync(at('rows.jsonl'), tinyRows.map((row) => `${JSON.stringify(row)}\n`).join(''))
})
afterAll(() => {
  work.remove()
  model.remove()
})

describe('espalier train --resume', { timeout: 120_000 }, () => {
  it('starts afresh where there is no run, and goes on after a signal by the command that it printed', async () => {
    const run = startCli([...words('stopped', 400), '--resume'])
    await run.saw('checkpoint-2')
    run.child.kill('SIGINT')
    const { code, stderr } = await run.ended
    expect(code).toBe(130)
    expect(lastLine(stderr)).toMatch(/^to go on: espalier train .* --resume$/)
    const done = Number(/stopped: (\d+) steps/.exec(stderr)?.[1])
    const again = (lastLine(stderr).split('to go on: espalier ')[1] ?? '').split(' ')
    const steps = again.indexOf('400')
    again[steps] = String(done + 2)
    const refused = await runCli(again)
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toContain(`--max-steps: 400 -> ${done + 2}`)
    expect(refused.stderr).toContain('--allow-changes max-steps')
    expect(refused.stderr).toContain('code: run.changed')
    expect(await runCli([...again, '--allow-changes', 'max-steps'])).toMatchObject({ code: 0 })
    expect(readdirSync(at('stopped'))).toContain(`checkpoint-${done + 2}`)
  })

  it('passes over a checkpoint that is not whole, and says so', async () => {
    expect(await runCli(words('torn', 3))).toMatchObject({ code: 0 })
    const whole = bytes('torn')
    const unasked = await runCli(words('torn', 3))
    expect(unasked.code).toBe(1)
    expect(unasked.stderr).toContain('--resume')
    rmSync(at('torn/checkpoint-3/training_state.safetensors'))
    const named = await runCli([...words('torn', 3), '--resume', 'checkpoint-3'])
    expect(named.code).toBe(1)
    expect(named.stderr).toContain(`--resume ${at('torn/checkpoint-2')}`)
    const done = await runCli([...words('torn', 3), '--resume'])
    expect(done.code).toBe(0)
    expect(done.stderr).toMatch(/checkpoint-3 is not whole \(training_state\.safetensors is missing\)/)
    expect(bytes('torn')).toEqual(whole)
  })

  it('says of a checkpoint of transformers how to start from it, and of a change that none allows what may change', async () => {
    rmSync(at('torn/checkpoint-2/checkpoint.json'))
    writeFileSync(at('torn/checkpoint-2/optimizer.pt'), 'of PyTorch')
    const refused = await runCli([...words('torn', 3), '--resume', 'checkpoint-2'])
    expect(refused.stderr).toContain('code: checkpoint.unfit')
    expect(refused.stderr).toContain(`--adapter ${at('torn/checkpoint-2')}`)
    const from = [...words('warm', 1), '--adapter', at('torn/checkpoint-2')]
    const done = await runCli(from)
    expect(done.code).toBe(0)
    expect(done.stderr).toMatch(/optimizer\.pt.* not read/)
    const unknown = await runCli([...words('torn', 3), '--resume', '--allow-changes', 'seed'])
    expect(unknown).toMatchObject({ code: 2, stdout: '' })
  })
})
