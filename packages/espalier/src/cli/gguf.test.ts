/** A GGUF file as `--model`: every command takes it for the model that it is. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tinyLlama } from '@espalier/gguf/tiny-llama.fake.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../tiny-model.fake.js'
import { runCli } from './run-cli.fake.js'

const TIMEOUT_MS = 120_000 // processes that compile TypeScript, on a busy machine

let work: { readonly path: string; remove(): void }
const at = (name: string) => join(work.path, name)

async function succeed(...words: readonly string[]): Promise<string> {
  const done = await runCli(words)
  expect(done.code, done.stderr).toBe(0)
  return done.stdout + done.stderr
}

beforeAll(async () => {
  work = await temporaryFolder()
  writeFileSync(at('tiny.gguf'), tinyLlama())
  writeFileSync(at('rows.jsonl'), '{"prompt":"ab","completion":"cd"}\n{"prompt":"a","completion":"bc"}\n')
})
afterAll(() => work.remove())

describe('a GGUF file', { timeout: TIMEOUT_MS }, () => {
  it('is inspected, trained on, evaluated and written with; an adapter finds it again', async () => {
    const base = ['--model', at('tiny.gguf')]
    const rows = ['--data', at('rows.jsonl')]
    expect(await succeed('inspect', at('tiny.gguf'))).toMatch(/llama \(LlamaForCausalLM\)[\s\S]*quantized +by gguf/)
    expect(await succeed('train', ...base, ...rows, '--inspect-data')).toContain('ab[[cd</s>]]')
    await succeed('train', ...base, ...rows, '--output-dir', at('out'), '--max-steps', '1')
    const saved = JSON.parse(readFileSync(at('out/adapter_config.json'), 'utf8')) as object
    expect(saved).toMatchObject({ base_model_name_or_path: at('tiny.gguf') })
    const writes = ['--prompt', 'ab', '--raw', '--max-new-tokens', '2']
    await succeed('generate', '--adapter', at('out'), ...writes)
    await succeed('generate', ...base, ...writes)
    expect(await succeed('eval', '--adapter', at('out'), ...rows)).toMatch(/loss/)
  })

  it('cannot be merged into, and says what can', async () => {
    const merged = await runCli(['merge', '--adapter', at('out'), '--output-dir', at('merged')])
    expect(merged.code).toBe(1)
    expect(merged.stderr).toMatch(/cannot be merged into[\s\S]*that it was packed from[\s\S]*code: adapter\.state/)
  })
})
