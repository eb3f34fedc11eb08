/** Runs that go on with something else than they began with, through the built command: what has changed is named before the first step, and what may change goes through --allow-changes. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder, tinyRows } from '../tiny-model.fake.js'
import { BUILT } from './killed-command.fake.js'

let work: { readonly path: string; remove(): void }
const at = (...names: string[]) => join(work.path, ...names)
const PACKAGE = fileURLToPath(new URL('../..', import.meta.url))
const MODULES = fileURLToPath(new URL('../../../../node_modules', import.meta.url))

const CONFIG = {
  ...{ num_train_epochs: 2, per_device_train_batch_size: 2, learning_rate: 0.01, seed: 42, save_steps: 1 },
  ...{ lora_r: 2, lora_target_modules: 'q_proj', eval_strategy: 'steps', eval_steps: 3, threads: 1 },
}

interface Given {
  readonly config?: object
  readonly model?: string
  readonly data?: string
  readonly evalData?: string
  readonly tokenizer?: string
  /** The command. */
  readonly built?: string
}

/** Runs the command as it is built; its code and what it said. */
function train(name: string, given: Given = {}, more: readonly string[] = []) {
  const { config = {}, model = 'model', data = 'rows.jsonl', evalData = 'few.jsonl', tokenizer, built = BUILT } = given
  writeFileSync(at('run.yaml'), JSON.stringify({ ...CONFIG, ...config })) // JSON is YAML
  const words = [
    'train',
    '--config',
    at('run.yaml'),
    '--model',
    at(model),
    '--data',
    at(data),
    '--output-dir',
    at(name),
  ]
  words.push('--eval-data', at(evalData), ...(tokenizer === undefined ? [] : ['--tokenizer', at(tokenizer)]), ...more)
  const env = { ...process.env, HF_HUB_OFFLINE: '1' }
  const { status, stdout, stderr } = spawnSync(process.execPath, [built, ...words], { encoding: 'utf8', env })
  return { code: status, stdout, stderr }
}

/** The run as it was when it was killed after its second step. */
function killedRun(name: string): string {
  for (const file of ['checkpoint-1', 'checkpoint-2', 'run.json', 'log.jsonl'])
    cpSync(at('whole', file), at(name, file), { recursive: true })
  return name
}

const names = (folder: string) => (readdirSync(at(folder), { recursive: true }) as string[]).sort()
const write = (name: string, rows: readonly object[]) =>
  writeFileSync(at(name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))

/** A copy of the model's folder with one file changed. */
function changedModel(name: string, file: string, change: (bytes: Buffer) => Uint8Array | string): void {
  cpSync(at('model'), at(name), { recursive: true })
  writeFileSync(at(name, file), change(readFileSync(at(name, file))))
}

beforeAll(async () => {
  work = await temporaryFolder()
  const model = await temporaryFolder({ model: true })
  cpSync(model.path, at('model'), { recursive: true })
  model.remove()
  write('rows.jsonl', tinyRows)
  write('few.jsonl', tinyRows.slice(0, 2))
  write('other rows.jsonl', [...tinyRows.slice(0, 5), { prompt: 'say 5: ', completion: 'no no no ' }])
  write('other few.jsonl', tinyRows.slice(1, 3))
  changedModel('other tokenizer', 'tokenizer_config.json', (text) => `${text}\n`.replace('{', '{"more": 1,'))
  changedModel('other base', 'model.safetensors', (weights) => {
    weights.writeFloatLE(0.123, weights.byteLength - 4)
    return weights
  })
  mkdirSync(at('older'))
  cpSync(join(PACKAGE, 'dist'), at('older/dist'), { recursive: true })
  symlinkSync(MODULES, at('older/node_modules'))
  const { version, ...manifest } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as object & {
    version: string
  }
  writeFileSync(at('older/package.json'), JSON.stringify({ ...manifest, version: `${version}-before` }))
  expect(train('whole')).toMatchObject({ code: 0 })
})
afterAll(() => work.remove())

const older = () => ({ built: at('older/dist/cli.js') })

describe('a run that goes on with something else', { timeout: 120_000 }, () => {
  it.each<[kind: string, Given | (() => Given), named: RegExp, allowedBy: string | null]>([
    ['an option of the configuration', { config: { seed: 7 } }, /--seed: 42 -> 7/, null],
    ['an adapter of another rank', { config: { lora_r: 4 } }, /adapter default\.r: 2 -> 4/, null],
    ['another data file', { data: 'other rows.jsonl' }, /training data files: \[\\"[0-9a-f]{12}\\"\] -> /, null],
    ['another tokenizer', { tokenizer: 'other tokenizer' }, /tokenizer tokenizer_config\.json: [0-9a-f]{12} -> /, null],
    ['another base model', { model: 'other base' }, /base model model\.safetensors .*: [0-9a-f]{12} -> /, null],
    [
      'another learning rate',
      { config: { learning_rate: 0.001 } },
      /--learning-rate: 0\.01 -> 0\.001/,
      'learning-rate',
    ],
    ['more epochs', { config: { num_train_epochs: 3 } }, /--num-train-epochs: 2 -> 3/, 'num-train-epochs'],
    ['other rows to evaluate on', { evalData: 'other few.jsonl' }, /evaluation data files: /, 'eval-data'],
    ['another backend', { config: { backend: 'reference' } }, /backend: onnx -> reference/, 'backend'],
    ['another version of the package', older, /version of espalier: \S+ -> \S+-before/, 'versions'],
  ])('is told so before the first step: %s', (kind, asked, named, allowedBy) => {
    const given = typeof asked === 'function' ? asked() : asked
    const run = killedRun(kind)
    const before = names(run)
    const refused = train(run, given, ['--resume'])
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toContain('code: run.changed')
    expect(refused.stderr).toMatch(named)
    expect(refused.stderr).toContain(allowedBy === null ? '--adapter' : `--allow-changes ${allowedBy}`)
    expect(names(run)).toEqual(before)
    expect(readFileSync(at(run, 'log.jsonl'))).toEqual(readFileSync(at('whole/log.jsonl')))
    if (allowedBy === null) return
    const allowed = train(run, given, ['--resume', '--allow-changes', allowedBy])
    expect(allowed).toMatchObject({ code: 0 })
    expect(allowed.stderr).toContain('since the run began, this has changed')
    expect(allowed.stderr).toMatch(new RegExp(named.source.replace('--', '')))
    expect(names(run)).toContain('adapter_model.safetensors')
  })

  it('is named all that has changed, and one flag hides nothing else', () => {
    const run = killedRun('two changes')
    const given = { config: { learning_rate: 0.001 }, data: 'other rows.jsonl' }
    const { code, stderr } = train(run, given, ['--resume', '--allow-changes', 'learning-rate', 'versions'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/training data files/)
    expect(train(run, given, ['--resume']).stderr).toMatch(/--learning-rate: 0\.01 -> 0\.001.*training data files/s)
    rmSync(at(run), { recursive: true })
  })

  it('goes on without a word where nothing has changed', () => {
    const { code, stderr } = train(killedRun('unchanged'), {}, ['--resume'])
    expect({ code, said: stderr.includes('since the run began') }).toEqual({ code: 0, said: false })
    expect(readFileSync(at('unchanged/adapter_model.safetensors'))).toEqual(
      readFileSync(at('whole/adapter_model.safetensors')),
    )
  })
})
