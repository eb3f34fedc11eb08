/** What `espalier train` says of what it trains, and what looking at the data alone needs. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder, tinyRows } from '../tiny-model.fake.js'
import { escaped } from './escaped.js'
import { runCli } from './run-cli.fake.js'

let work: { readonly path: string; remove(): void }
let model: { readonly path: string; remove(): void }
const at = (name: string) => join(work.path, name)
const words = () => ['train', '--model', model.path, '--data', at('rows.jsonl'), '--max-steps', '2']

beforeAll(async () => {
  work = await temporaryFolder()
  model = await temporaryFolder({ model: true })
  writeFileSync(at('rows.jsonl'), tinyRows.map((row) => `${JSON.stringify(row)}\n`).join(''))
})
afterAll(() => {
  work.remove()
  model.remove()
})

/** The peak that a run's log tells, over what it expected. */
function memoryTaken(folder: string, said: string): number {
  const expected = Number(/memory expected: about (\d+) MB = .* \+ this program \d+ MB/.exec(said)?.[1])
  const log = readFileSync(at(`${folder}/log.jsonl`), 'utf8')
    .trim()
    .split('\n')
  const { peak_memory_bytes } = JSON.parse(log.at(-1) ?? '') as { peak_memory_bytes: number }
  return peak_memory_bytes / 1e6 / expected
}

describe('espalier train', { timeout: 60_000 }, () => {
  it('looks at the data without an output folder and without a backend', async () => {
    const before = readdirSync('.')
    const done = await runCli([...words(), '--inspect-data'])
    expect(done).toMatchObject({ code: 0, stdout: '' })
    expect(done.stderr).toContain('supervised tokens')
    expect(done.stderr).not.toContain('backend:')
    expect(readdirSync('.')).toEqual(before)
    expect((await runCli(words())).stderr).toContain('--output-dir is missing')
  })

  it('says how packed rows are filled', async () => {
    const done = await runCli([...words(), '--inspect-data', '--packing', '--max-length', '64'])
    expect(done.stdout + done.stderr).toMatch(/packed \(bfd\): \d+ rows in \d+ of at most 64 tokens, \d+\.\d % full/)
  })

  it('expects the memory that the run then takes, within 15 %', async () => {
    const done = await runCli([...words(), '--output-dir', at('adapter'), '--save-strategy', 'no'])
    expect(Math.abs(memoryTaken('adapter', done.stderr) - 1)).toBeLessThan(0.15)
    expect(done.stderr).toContain(`\nadapter: ${at('adapter')}`)
  })

  it('takes a memory budget, and names the least where nothing fits in it', async () => {
    const done = await runCli([...words(), '--output-dir', at('small'), '--memory-budget', '1MB'])
    expect(done).toMatchObject({ code: 1 })
    expect(done.stderr).toMatch(
      /--memory-budget=1000000, least=\d{8,}.*\n.*at least so many bytes.*\ncode: memory\.budget/,
    )
    expect(existsSync(at('small/log.jsonl'))).toBe(false)
    const wrong = await runCli([...words(), '--output-dir', at('small'), '--memory-budget', 'lots'])
    expect(wrong).toMatchObject({ code: 2 })
    expect(wrong.stderr).toContain('Write it as 4GB')
  })

  it.each([1, 2])('expects it for several shapes of batches too, on %d threads', async (threads) => {
    const bundled = fileURLToPath(new URL('../../assets/quickstart/', import.meta.url))
    const batches = ['--per-device-train-batch-size', '96', '--tokens-per-micro-batch', '4096', '--max-steps', '2']
    const base = ['train', '--model', join(bundled, 'base'), '--data', join(bundled, 'data/held-out.jsonl')]
    const place = ['--output-dir', at(`shapes-${threads}`), '--save-strategy', 'no', '--threads', String(threads)]
    const done = await runCli([...base, ...batches, ...place])
    expect(Number(/(\d+) batch shapes/.exec(done.stderr)?.[1])).toBeGreaterThan(2)
    expect(Math.abs(memoryTaken(`shapes-${threads}`, done.stderr) - 1)).toBeLessThan(0.15)
  })

  it('expects it where all parameters train too, whose replaced values wait to be freed', async () => {
    const bundled = fileURLToPath(new URL('../../assets/quickstart/', import.meta.url))
    const base = ['train', '--model', join(bundled, 'base'), '--data', join(bundled, 'data/held-out.jsonl')]
    const full = ['--peft-type', 'none', '--max-steps', '20', '--save-strategy', 'no', '--output-dir', at('whole')]
    const done = await runCli([...base, ...full])
    expect(Math.abs(memoryTaken('whole', done.stderr) - 1)).toBeLessThan(0.15)
  })

  it('saves and evaluates every so many steps where only the steps are given, and says where they have no effect', async () => {
    const steps = ['--save-steps', '1', '--eval-steps', '1', '--eval-data', at('rows.jsonl')]
    const done = await runCli([...words(), '--output-dir', at('every'), ...steps])
    expect(done).toMatchObject({ code: 0 })
    expect(done.stderr).not.toMatch(/no effect|not used|save_strategy/)
    expect(existsSync(at('every/checkpoint-1'))).toBe(true)
    expect(readFileSync(at('every/log.jsonl'), 'utf8').split('eval_loss')).toHaveLength(3)
    const { config } = JSON.parse(readFileSync(at('every/run.json'), 'utf8'))
    expect(config).toMatchObject({ save_strategy: 'steps', eval_strategy: 'steps' })
    const epoch = await runCli([
      ...words(),
      '--output-dir',
      at('epoch'),
      '--save-strategy',
      'epoch',
      ...steps.slice(0, 4),
    ])
    expect(epoch.stderr).toContain('warning: --save-steps 1 has no effect: --save-strategy is epoch')
    expect(epoch.stderr).toContain('warning: --eval-steps 1 has no effect: there are no rows to evaluate on')
  })

  it('calls a model a model, and leaves a card beside it', async () => {
    const full = ['--output-dir', at('full'), '--peft-type', 'none', '--lora-r', '4', '--save-strategy', 'no']
    const done = await runCli([...words(), ...full])
    expect(done.stderr).toContain('note: --lora-r has no effect: all parameters train, without an adapter')
    expect(done.code).toBe(0)
    expect(done.stderr).toContain(`\nmodel:   ${at('full')}`)
    expect(done.stderr).toMatch(/memory expected: about \d+ MB = parameters and optimizer /)
    expect(done.stderr).not.toContain('adapter:')
    expect(existsSync(at('full/model.safetensors'))).toBe(true)
    const card = readFileSync(at('full/README.md'), 'utf8')
    expect(card).toContain(`base_model: ${model.path}`)
    expect(card).toContain('pipeline_tag: text-generation')
    writeFileSync(at('full/README.md'), 'mine')
    const again = [...words(), '--output-dir', at('full'), '--peft-type', 'none', '--overwrite-output-dir', '--quiet']
    expect(await runCli(again)).toMatchObject({ code: 0 })
    expect(readFileSync(at('full/README.md'), 'utf8')).toBe('mine')
  })

  it('trains IA3 and opens its folder again, and refuses LoRA’s options for it', async () => {
    const ia3 = [...words(), '--peft-type', 'ia3', '--output-dir', at('ia3'), '--save-strategy', 'no', '--quiet']
    const refused = await runCli([...ia3, '--lora-r', '4'])
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toContain('--lora-r is no setting of IA3')
    expect(await runCli([...ia3, '--learning-rate', '0.1'])).toMatchObject({ code: 0, stderr: '' })
    expect(readFileSync(at('ia3/adapter_config.json'), 'utf8')).toMatch(/"peft_type": "IA3"/)
    const opened = await runCli([
      'generate',
      '--adapter',
      at('ia3'),
      '--prompt',
      'say',
      '--raw',
      '--max-new-tokens',
      '2',
    ])
    expect(opened).toMatchObject({ code: 0 })
    expect(opened.stderr).not.toContain('warning')
  })

  it.each(['loha', 'vera', 'adalora'])('trains %s, goes on from its folder and opens it', async (kind) => {
    const train = [...words(), '--save-strategy', 'no', '--quiet', '--learning-rate', '0.01']
    writeFileSync(at('peft.json'), JSON.stringify(kind === 'adalora' ? { total_step: 40 } : {}))
    const method = ['--peft-type', kind, '--peft-config', at('peft.json')]
    const first = await runCli([...train, ...method, '--output-dir', at(kind)])
    expect(first).toMatchObject({ code: 0, stderr: '' })
    expect(readFileSync(at(`${kind}/adapter_config.json`), 'utf8')).toContain(`"peft_type": "${kind.toUpperCase()}"`)
    const further = await runCli([...train, '--adapter', at(kind), '--output-dir', at(`${kind}-further`)])
    expect(further).toMatchObject({ code: 0, stderr: '' })
    const prompt = ['--prompt', 'say', '--raw', '--max-new-tokens', '2']
    const opened = await runCli(['generate', '--adapter', at(`${kind}-further`), ...prompt])
    expect(opened).toMatchObject({ code: 0 })
    expect(opened.stderr).not.toContain('warning')
  })

  it('says what a method lacks, and where to give it', async () => {
    const done = await runCli([...words(), '--peft-type', 'adalora', '--output-dir', at('adalora-refused')])
    expect(done).toMatchObject({ code: 2, stdout: '' })
    expect(done.stderr).toContain("AdaLoRA's totalStep must be the number of optimizer steps of the run")
    expect(done.stderr).toContain('"total_step"')
    expect(existsSync(at('adalora-refused'))).toBe(false)
  })
})

describe('rows that are dropped or cut', { timeout: 60_000 }, () => {
  const rows = (long: number) => {
    const all = [...tinyRows, ...Array(long).fill({ prompt: `${'a long prompt '.repeat(9)}: `, completion: 'yes' })]
    writeFileSync(at('long.jsonl'), all.map((row) => `${JSON.stringify(row)}\n`).join(''))
    return ['--model', model.path, '--data', at('long.jsonl'), '--max-length', '20']
  }

  it('are warned of once, and as events too', async () => {
    const out = ['--output-dir', at('cut'), '--max-steps', '1', '--json', '--save-strategy', 'no']
    const done = await runCli(['train', ...rows(2), ...out])
    expect(done.code).toBe(0)
    const dropped = '2 of 8 rows are dropped: at --max-length 20 nothing is left of them to train on'
    expect(done.stderr.split(`warning: ${dropped}`)).toHaveLength(2)
    expect(done.stderr.match(/warning: /g)).toHaveLength(2)
    expect(done.stdout).toContain('"type":"warning","message":"2 of 8 rows are dropped')
    expect(readFileSync(at('cut/run.json'), 'utf8')).toContain('2 of 8 rows are dropped')
    const evaluated = await runCli(['eval', ...rows(2)])
    expect(evaluated).toMatchObject({ code: 0, stderr: expect.stringContaining(`warning: ${dropped}`) as string })
  })

  it('are refused where almost none are left, with the length to give', async () => {
    const done = await runCli(['train', ...rows(60), '--output-dir', at('gone')])
    expect(done).toMatchObject({ code: 1, stdout: '' })
    expect(done.stderr).toMatch(/longest=(\d+)\)[\s\S]*Set --max-length to \1, which keeps every row whole/)
    expect(existsSync(at('gone'))).toBe(false)
  })
})

describe('text of rows', { timeout: 60_000 }, () => {
  it('is shown escaped, and the names of files in errors too', async () => {
    const prompt = 'say \u001b[2J\u001b]0;mine\u0007\u0000 \u009b31m \u202eevil'
    writeFileSync(at('hostile.jsonl'), `${JSON.stringify({ prompt, completion: ' yes' })}\n`)
    const shown = await runCli(['train', '--model', model.path, '--data', at('hostile.jsonl'), '--inspect-data'])
    expect(shown.code).toBe(0)
    expect(shown.stderr).toContain('\\u001b[2J\\u001b]0;mine\\u0007\\u0000')
    const failed = await runCli([...words(), '--data', at('no\u001b[31m.jsonl'), '--output-dir', at('hostile')])
    expect(failed.code).not.toBe(0)
    expect(failed.stderr).toContain('no\\u001b[31m.jsonl')
    for (const { stderr } of [shown, failed]) expect(escaped(stderr)).toBe(stderr)
  })
})
