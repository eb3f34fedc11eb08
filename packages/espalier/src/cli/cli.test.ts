import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fakeHub } from '@espalier/serialization/hub/hub-server.fake.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fileHash } from '../run-folder/run-files.js'
import { temporaryFolder, tinyRows } from '../tiny-model.fake.js'
import { runCli, startCli } from './run-cli.fake.js'

const TIMEOUT_MS = 60_000 // a process that compiles TypeScript, on a busy machine

let work: { readonly path: string; remove(): void }
let model: { readonly path: string; remove(): void }
const at = (name: string) => join(work.path, name)
const base = (rows = 'rows.jsonl') => ['--model', model.path, '--data', at(rows), '--learning-rate', '1e-2']
const lines = (text: string) => text.trim().split('\n')
const json = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>

beforeAll(async () => {
  work = await temporaryFolder()
  model = await temporaryFolder({ model: true })
  writeFileSync(at('rows.jsonl'), tinyRows.map((row) => `${JSON.stringify(row)}\n`).join(''))
})
afterAll(() => {
  work.remove()
  model.remove()
})

describe('espalier train', { timeout: TIMEOUT_MS }, () => {
  it('runs a TRL file, flags winning over it, and leaves the whole run folder', async () => {
    writeFileSync(
      at('trl.yaml'),
      [
        `model_name_or_path: ${model.path}`,
        `dataset_name: ${at('rows.jsonl')}`,
        'dataset_text_field: text',
        'learning_rate: 1e-2',
        'num_train_epochs: 1',
        'max_steps: 500',
        'use_peft: true',
        'lora_r: 4',
        'lora_target_modules: [q_proj, v_proj]',
        'bf16: true',
        'report_to: none',
        `output_dir: ${at('first')}`,
      ].join('\n'),
    )
    const done = await runCli([
      'train',
      '--config',
      at('trl.yaml'),
      '--max_steps',
      '40',
      '--save_strategy',
      'no',
      '--json',
    ])
    expect(done).toMatchObject({ code: 0 })
    expect(done.stderr).toContain('prompt-completion')
    expect(done.stderr).toContain('[[yes')
    expect(done.stderr).toContain('memory expected')
    expect(done.stderr.match(/ bf16 has no effect/g)).toHaveLength(1)
    const events = lines(done.stdout).map((line) => JSON.parse(line) as { type: string })
    expect([events[0]?.type, events.at(-1)?.type]).toEqual(['start', 'end'])
    const log = lines(readFileSync(at('first/log.jsonl'), 'utf8')).map((line) => JSON.parse(line) as { step: number })
    expect(log.map(({ step }) => step)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1))
    expect(Object.keys(log[0] ?? {})).toEqual([
      'step',
      'epoch',
      'loss',
      'learning_rate',
      'grad_norm',
      'tokens',
      'useful_tokens',
      'seconds',
      'tokens_per_second',
      'peak_memory_bytes',
    ])
    expect(readdirSync(at('first')).sort()).toEqual([
      'README.md',
      'adapter_config.json',
      'adapter_model.safetensors',
      'chat_template.jinja',
      'log.jsonl',
      'report.html',
      'run.json',
      'tokenizer.json',
      'tokenizer_config.json',
      'trainer_state.json',
    ])
    expect(json(at('first/adapter_config.json'))).toMatchObject({ r: 4, base_model_name_or_path: model.path })
    expect(json(at('first/trainer_state.json'))).toMatchObject({ global_step: 40, max_steps: 40 })
    expect(json(at('first/run.json'))).toMatchObject({
      config: { lora_r: 4, max_steps: 40, learning_rate: 0.01 },
      outcome: { reason: 'done', steps: 40 },
    })
    const report = readFileSync(at('first/report.html'), 'utf8')
    expect(report).toContain('<svg')
    expect(report).not.toMatch(/(src|href)="http/)
  })

  it('refuses a folder that holds a run, in three lines and without a stack', async () => {
    const done = await runCli(['train', ...base(), '--output-dir', at('first')])
    expect(done.code).toBe(1)
    expect(lines(done.stderr)).toHaveLength(3)
    expect(lines(done.stderr)[0]).toMatch(/^error: the output folder holds a run already/)
    expect(lines(done.stderr)[2]).toBe('code: config.value')
    const debug = await runCli(['train', ...base(), '--output-dir', at('first')], { ESPALIER_DEBUG: '1' })
    expect(debug.stderr).toContain('    at ')
  })

  it('stops after the data with --inspect-data, and leaves nothing', async () => {
    const done = await runCli(['train', ...base(), '--output-dir', at('looked'), '--inspect-data'])
    expect(done.code).toBe(0)
    expect(done.stderr).toContain('supervised tokens')
    expect(existsSync(at('looked'))).toBe(false)
  })

  it('refuses to train when nothing is supervised', async () => {
    writeFileSync(at('empty.jsonl'), '{"prompt": "a long prompt that fills it all", "completion": "x"}\n')
    const done = await runCli(['train', ...base('empty.jsonl'), '--output-dir', at('nothing'), '--max-length', '4'])
    expect(done.code).toBe(1)
    expect(done.stderr).toContain('code: data.')
    expect(existsSync(at('nothing'))).toBe(false)
  })

  it('refuses a split that leaves no rows on one side', async () => {
    writeFileSync(at('few.jsonl'), '{"text": "a row"}\n'.repeat(3))
    for (const [split, missing] of [
      ['0.999', 'train on'],
      ['0.001', 'evaluate on'],
    ] as const) {
      const words = [...base('few.jsonl'), '--output-dir', at('split'), '--validation-split', split]
      const done = await runCli(['train', ...words])
      expect(done.code).toBe(2)
      expect(done.stderr).toContain(`--validation-split ${split} leaves no row of 3 to ${missing}`)
    }
    expect(existsSync(at('split'))).toBe(false)
  })

  it('ends when there is no such model', async () => {
    const done = await runCli([
      'train',
      '--model',
      at('nowhere'),
      '--data',
      at('rows.jsonl'),
      '--output-dir',
      at('none'),
    ])
    expect(done.code).toBe(1)
    expect(done.stderr).toContain('code: source.unknown')
  })

  it('names the line of a broken row', async () => {
    writeFileSync(at('broken.jsonl'), '{"text": "a"}\n{"text": \n')
    const done = await runCli(['train', ...base('broken.jsonl'), '--output-dir', at('broken')])
    expect(done.code).toBe(1)
    expect(done.stderr).toContain('file="broken.jsonl", line=2')
    expect(existsSync(at('broken'))).toBe(false)
  })

  it('draws the initial values from the seed that it documents', async () => {
    const hashOf = async (...seed: string[]) => {
      const folder = at(`seed${seed.join('')}`)
      const words = ['--output-dir', folder, '--max-steps', '1', '--save-strategy', 'no', '--quiet']
      expect(await runCli(['train', ...base(), ...words, ...seed])).toMatchObject({ code: 0 })
      return fileHash(join(folder, 'adapter_model.safetensors'))
    }
    const [unset, same, other] = [await hashOf(), await hashOf('--seed', '42'), await hashOf('--seed', '0')]
    expect(unset).toBe(same)
    expect(unset).not.toBe(other)
  })

  it('lets biases train, and says where the model has none', async () => {
    const folder = at('biases')
    const words = ['--output-dir', folder, '--max-steps', '1', '--save-strategy', 'no', '--bias', 'lora_only']
    const done = await runCli(['train', ...base(), ...words])
    expect(done).toMatchObject({ code: 0 })
    expect(done.stderr).toContain('bias "lora_only" finds no bias to train')
    expect(JSON.parse(readFileSync(join(folder, 'adapter_config.json'), 'utf8'))).toMatchObject({ bias: 'lora_only' })
  })

  it('refuses flags that cannot be meant before the model is looked for', async () => {
    const words = ['train', '--model', at('no-model'), '--data', at('rows.jsonl'), '--output-dir', at('refused')]
    for (const [flags, what] of [
      [['--bias', 'some'], /none, all, lora_only/],
      [['--init-lora-weights', 'pissa'], /pissa/],
      [['--lora-r', '0'], /lora-r/],
      [['--optim', 'lion'], /optim/],
      [['--eval-strategy', 'steps'], /--eval-strategy steps needs --eval-data/],
      [['--load-best-model-at-end'], /--load-best-model-at-end needs --eval-strategy/],
    ] as const) {
      const done = await runCli([...words, ...flags])
      expect(done, flags.join(' ')).toMatchObject({ code: 2, stdout: '' })
      expect(done.stderr).toMatch(what)
    }
  })

  it('goes on quietly when nobody reads its events any more', async () => {
    const run = startCli(['train', ...base(), '--output-dir', at('piped'), '--max-steps', '60', '--json', '--quiet'])
    await run.saw('"type":"start"')
    run.child.stdout?.destroy()
    expect(await run.ended).toMatchObject({ code: 0, stderr: '' })
    expect(lines(readFileSync(at('piped/log.jsonl'), 'utf8'))).toHaveLength(60)
  })
})

describe('espalier', { timeout: TIMEOUT_MS }, () => {
  it('says what is wrong with its usage and ends with 2', async () => {
    const typo = await runCli(['trian'])
    expect(typo).toMatchObject({ code: 2, stdout: '' })
    expect(lines(typo.stderr)).toEqual(['error: no command is called trian', 'Did you mean train?'])
    expect(await runCli(['predict'])).toMatchObject({ code: 2 })
    expect(await runCli(['train', '--use-dora'])).toMatchObject({ code: 2 })
    expect(await runCli(['train', '--model', 'm', '--output-dir', 'o', '--data', 'a/b'])).toMatchObject({ code: 2 })
  })

  it('refuses the configuration of another method', async () => {
    writeFileSync(at('ia3.json'), JSON.stringify({ peft_type: 'IA3' }))
    const done = await runCli(['train', ...base(), '--output-dir', at('ia3'), '--peft-config', at('ia3.json')])
    expect(done).toMatchObject({ code: 2 })
    expect(done.stderr).toContain('peft_type "IA3"')
  })

  it('names the closest targets when none match', async () => {
    const done = await runCli(['train', ...base(), '--output-dir', at('targets'), '--lora-target-modules', 'query'])
    expect(done.code).toBe(1)
    expect(done.stderr).toContain('q_proj')
    expect(existsSync(at('targets'))).toBe(false)
  })

  it('generates, and is quiet when nobody reads on', async () => {
    const words = ['generate', '--model', model.path, '--raw', '--prompt', 'say', '--quiet']
    const done = await runCli([...words, '--max-new-tokens', '4'])
    expect(done).toMatchObject({ code: 0, stderr: '' })
    expect(done.stdout.length).toBeGreaterThan(1)
    const cut = startCli([...words, '--max-new-tokens', '100'])
    cut.child.stdout?.once('data', () => cut.child.stdout?.destroy())
    expect(await cut.ended).toMatchObject({ code: 0, stderr: '' })
  })

  it('talks line by line', async () => {
    const run = startCli(['chat', '--model', model.path, '--max-new-tokens', '3', '--quiet'])
    run.child.stdin?.end('hello\nagain\n')
    const done = await run.ended
    expect(done.code).toBe(0)
    expect(done.stdout.split('\n').length).toBeGreaterThanOrEqual(3)
  })

  it('says whether other programs open an adapter', async () => {
    const done = await runCli(['inspect', at('first'), '--for', 'vllm', '--tensors'])
    expect(done.code).toBe(0)
    expect(done.stdout).toContain('vllm opens it')
    expect((await runCli(['inspect', at('first'), '--for', 'peft'])).stdout).toContain('\npeft opens it')
    expect(done.stdout).toContain('lora_A.weight  F32')
  })

  it('counts parameters by config.json alone', async () => {
    const config = JSON.parse(readFileSync(join(model.path, 'config.json'), 'utf8')) as object
    mkdirSync(at('bare'))
    writeFileSync(at('bare/config.json'), JSON.stringify(config))
    const [whole, bare] = [await runCli(['inspect', model.path]), await runCli(['inspect', at('bare')])]
    const parameters = /parameters +([\d,]+)\n/
    expect(bare).toMatchObject({ code: 0, stderr: '' })
    expect(parameters.exec(bare.stdout)?.[1]).toBe(parameters.exec(whole.stdout)?.[1])
    expect(bare.stdout).toMatch(/trained parameters +[\d,]+ of [\d,]+ for LoRA of rank 8 on q_proj, v_proj\n/)
    writeFileSync(at('bare/config.json'), JSON.stringify({ ...config, model_type: 'magic' }))
    const other = await runCli(['inspect', at('bare')])
    expect(other.code).toBe(1)
    expect(other.stderr).toContain('code: plugin.unknown')
  })

  it('says what is wrong with a model that it cannot think through', async () => {
    cpSync(model.path, at('wide'), { recursive: true })
    const config = JSON.parse(readFileSync(at('wide/config.json'), 'utf8')) as { hidden_size: number }
    writeFileSync(at('wide/config.json'), JSON.stringify({ ...config, hidden_size: config.hidden_size * 2 }))
    expect((await runCli(['inspect', at('wide')])).stdout).toMatch(
      /memory to train.*not known: .*does not fit the model/,
    )
  })

  it('says at once how many layers the weights hold, and tells of those that nothing uses', async () => {
    const config = JSON.parse(readFileSync(join(model.path, 'config.json'), 'utf8')) as object
    const edited = (name: string, change: object) => {
      cpSync(model.path, at(name), { recursive: true })
      writeFileSync(join(at(name), 'config.json'), JSON.stringify({ ...config, ...change }))
      return at(name)
    }
    const words = ['--prompt', 'say', '--raw', '--max-new-tokens', '2']
    const more = await runCli(['generate', '--model', edited('more', { num_hidden_layers: 1e9 }), ...words])
    expect(more.code).toBe(1)
    expect(more.stderr).toMatch(/layers=1000000000, held=2.*\n.*\ncode: model\.parameters/)
    expect((await runCli(['inspect', at('more')])).stdout).toContain('fewer layers')
    const fewer = await runCli(['generate', '--model', edited('fewer', { num_hidden_layers: 1 }), ...words])
    expect(fewer.code).toBe(0)
    expect(fewer.stderr).toMatch(/warning: the weights hold 9 tensors .*model\.layers\.1\./)
  })

  it('says that the weights are broken when nothing finite comes out of them', async () => {
    cpSync(model.path, at('nan'), { recursive: true })
    const file = readFileSync(at('nan/model.safetensors'))
    const data = 8 + Number(file.readBigUInt64LE(0))
    for (let offset = data; offset < file.length; offset += 4) file.writeFloatLE(Number.NaN, offset)
    writeFileSync(at('nan/model.safetensors'), file)
    const words = ['generate', '--model', at('nan'), '--prompt', 'say', '--raw', '--quiet']
    for (const more of [[], ['--do-sample']]) {
      const done = await runCli([...words, ...more])
      expect(done).toMatchObject({ code: 1, stdout: '' })
      expect(done.stderr).toContain('code: generation.finite')
    }
  })

  it('refuses an adapter whose file lacks tensors, and warns of tensors without a place', async () => {
    const words = ['generate', '--model', model.path, '--prompt', 'say', '--raw', '--max-new-tokens', '2', '--adapter']
    const edited = (name: string, change: object) => {
      cpSync(at('first'), at(name), { recursive: true })
      writeFileSync(
        at(`${name}/adapter_config.json`),
        JSON.stringify({ ...json(at('first/adapter_config.json')), ...change }),
      )
      return at(name)
    }
    const lacking = await runCli([...words, edited('lacking', { target_modules: ['q_proj', 'v_proj', 'o_proj'] })])
    expect(lacking.code).toBe(1)
    expect(lacking.stderr).toMatch(/lacks tensors .*o_proj.*present=8.*\n.*\ncode: adapter\.tensors/)
    const spare = await runCli([...words, edited('spare', { target_modules: ['q_proj'] })])
    expect(spare.code).toBe(0)
    expect(spare.stderr).toMatch(/warning: the model has no place for 4 tensors \(.*v_proj/)
  })

  it('measures loss and perplexity', async () => {
    const done = await runCli(['eval', '--model', model.path, '--data', at('rows.jsonl'), '--json', '--quiet'])
    const { eval_loss, perplexity } = JSON.parse(done.stdout) as { eval_loss: number; perplexity: number }
    expect(Math.abs(perplexity - Math.exp(eval_loss))).toBeLessThan(1e-6 * perplexity)
  })

  it('uploads the result without checkpoints, privately', async () => {
    mkdirSync(at('first/checkpoint-1'))
    writeFileSync(at('first/checkpoint-1/adapter_config.json'), '{}')
    mkdirSync(at('first/unfinished-run'))
    writeFileSync(at('first/unfinished-run/log.jsonl'), '')
    const hub = await fakeHub()
    try {
      const environment = { HF_ENDPOINT: hub.endpoint, HF_TOKEN: 'secret', HF_HUB_OFFLINE: '0' }
      const done = await runCli(['push', at('first'), 'me/new', '--quiet'], environment)
      expect(done).toMatchObject({ code: 0, stderr: '' })
      const uploaded = hub.repositories.get('me/new')
      expect(uploaded?.isPrivate).toBe(true)
      const names = [...(uploaded?.files.keys() ?? [])]
      expect(names).toContain('adapter_model.safetensors')
      expect(names.filter((name) => name.includes('/'))).toEqual([])
      expect(await runCli(['push', model.path, 'me/other', '--quiet'], { ...environment, HF_TOKEN: '' })).toMatchObject(
        { code: 1 },
      )
    } finally {
      await hub.close()
    }
  })

  it('names versions of what computes and tokenizes', async () => {
    const done = await runCli(['--version', '--verbose'])
    const [own, ...others] = lines(done.stdout)
    expect(own).toMatch(/^\d+\.\d+\.\d+$/)
    expect(others).toContainEqual(expect.stringMatching(/^(onnxruntime-node|@espalier\/onnxruntime-\S+) 1\.\d+\.\d+$/))
    expect(lines((await runCli(['--version'])).stdout)).toEqual([own])
  })

  it('reports on the machine without secrets', async () => {
    const done = await runCli(['doctor'], { HF_TOKEN: 'hf_verysecret' })
    expect(done.code).toBe(0)
    expect(done.stdout).toContain('backend onnx       ready')
    expect(done.stdout).not.toContain('verysecret')
  })
})
