import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AutoModelForCausalLM } from '../auto/auto-model.js'
import { temporaryFolder, tinyRows } from '../tiny-model.fake.js'
import { runCli } from './run-cli.fake.js'

const TIMEOUT_MS = 60_000 // processes that compile TypeScript, on a busy machine

let work: { readonly path: string; remove(): void }
let model: { readonly path: string; remove(): void }
const at = (name: string) => join(work.path, name)

beforeAll(async () => {
  work = await temporaryFolder()
  model = await temporaryFolder({ model: true })
  writeFileSync(at('rows.jsonl'), tinyRows.map((row) => `${JSON.stringify(row)}\n`).join(''))
})
afterAll(() => {
  work.remove()
  model.remove()
})

describe('a quantized base', { timeout: TIMEOUT_MS }, () => {
  it('is refused by its method wherever it is opened, and inspected', async () => {
    cpSync(model.path, at('quantized'), { recursive: true })
    const config = JSON.parse(readFileSync(at('quantized/config.json'), 'utf8')) as object
    const quantization_config = { quant_method: 'gptq', bits: 4 }
    writeFileSync(at('quantized/config.json'), JSON.stringify({ ...config, quantization_config }))
    const base = ['--model', at('quantized')]
    for (const words of [
      ['generate', ...base, '--prompt', 'say', '--raw'],
      ['train', ...base, '--data', at('rows.jsonl'), '--output-dir', at('refused')],
      ['eval', ...base, '--data', at('rows.jsonl')],
    ]) {
      const done = await runCli(words)
      expect(done.code).toBe(1)
      expect(done.stderr).toMatch(
        /quantized.*method="gptq", form="4 bits".*\n.*not quantized.*\ncode: model\.quantized/,
      )
    }
    const inspected = await runCli(['inspect', at('quantized')])
    expect(inspected.code).toBe(0)
    expect(inspected.stdout).toMatch(/quantized +by gptq, 4 bits\n[\s\S]*memory to train +not known: .*method="gptq"/)
  })

  it('is packed on the way, trained, and told in 4 and in 8 bits', async () => {
    for (const [name, words] of [
      ['four', ['--load-in-4bit', '--use-bnb-nested-quant']],
      ['eight', ['--load_in_8bit']],
    ] as const) {
      const run = ['--data', at('rows.jsonl'), '--output-dir', at(name), '--max-steps', '2']
      const done = await runCli(['train', '--model', model.path, ...run, ...words])
      expect(done.stderr).toMatch(/done|saved|adapter/i)
      expect(done.code).toBe(0)
      expect(readFileSync(at(`${name}/adapter_config.json`), 'utf8')).toContain('LORA')
    }
    const both = await runCli([
      'train',
      '--model',
      model.path,
      '--data',
      at('rows.jsonl'),
      '--output-dir',
      at('both'),
      '--load-in-4bit',
      '--load-in-8bit',
    ])
    expect([both.code, both.stderr]).toEqual([2, expect.stringContaining('exclude each other')])
  })

  it('is merged into, and what encoding its weights again loses is said', async () => {
    const quantizationConfig = { loadIn4bit: true, bnb4bitQuantType: 'nf4' } as const
    await using packed = await AutoModelForCausalLM.fromPretrained(model.path, { quantizationConfig })
    await packed.savePretrained(at('packed'))
    const run = ['--data', at('rows.jsonl'), '--max-steps', '4', '--learning-rate', '0.03']
    await runCli(['train', '--model', at('packed'), ...run, '--output-dir', at('on-packed')])
    const done = await runCli(['merge', '--adapter', at('on-packed'), '--output-dir', at('merged')])
    expect(done.code).toBe(0)
    expect(done.stderr).toMatch(/warning: \d+ packed weights were encoded again after merging, .* of what was merged/)
    expect(done.stdout).toMatch(/^\d+ weights changed; .* in /)
  })
})
