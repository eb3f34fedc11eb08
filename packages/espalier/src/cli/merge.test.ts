/** `espalier merge`, on an adapter that was trained on the tiny model. */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AutoModelForCausalLM, lora, SFTTrainer } from '../index.js'
import { lockFolder } from '../run-folder/run-lock.js'
import { LOCK_FILE } from '../run-folder/run-names.js'
import { temporaryFolder, tinyRows } from '../tiny-model.fake.js'
import { cliCommand, runCli } from './run-cli.fake.js'

let work: { readonly path: string; remove(): void }
let model: { readonly path: string; remove(): void }
const at = (name: string) => join(work.path, name)

beforeAll(async () => {
  work = await temporaryFolder()
  model = await temporaryFolder({ model: true })
  const base = await AutoModelForCausalLM.fromPretrained(model.path)
  try {
    const trainer = new SFTTrainer({
      model: base,
      peftConfig: lora({ r: 2, targetModules: ['q_proj', 'v_proj'] }),
      trainDataset: tinyRows,
      args: { outputDir: at('adapter'), maxSteps: 3, learningRate: 1e-2, saveStrategy: 'no' },
    })
    await trainer.train().result
    await trainer.saveModel()
  } finally {
    await base.close()
  }
})
afterAll(() => {
  work.remove()
  model.remove()
})

describe('espalier merge', { timeout: 60_000 }, () => {
  it('does not write into a folder that a run writes to', async () => {
    const lock = await lockFolder(at('running'))
    try {
      const done = await runCli(['merge', '--adapter', at('adapter'), '--output-dir', at('running')])
      expect(done).toMatchObject({ code: 1, stdout: '' })
      expect(done.stderr).toContain('code: run.locked')
      expect(readdirSync(at('running'))).toEqual([LOCK_FILE])
    } finally {
      await lock.release()
    }
  })

  it('takes the base that the adapter names, and writes a model folder that opens', async () => {
    const done = await runCli(['merge', '--adapter', at('adapter'), '--output-dir', at('merged')])
    expect(done.stdout).toMatch(/^4 weights changed/)
    expect(done.stderr).toContain(`model: ${model.path}, which the adapter was trained on`)
    expect((await runCli(['inspect', at('merged')])).stdout).toContain('LlamaForCausalLM')
  })

  // Windows has no ulimit.
  it.skipIf(process.platform === 'win32')('leaves nothing of a model that finds no room', async () => {
    const { words, env } = cliCommand(['merge', '--adapter', at('adapter'), '--output-dir', at('full')])
    const command = ['-c', 'ulimit -f 4; exec "$0" "$@"', ...words] // files of 2 or 4 KiB at most
    const { status, stderr } = spawnSync('sh', command, { env: { ...env, TSX_DISABLE_CACHE: '1' }, encoding: 'utf8' })
    expect(stderr).toContain('code: file.write')
    expect(status).toBe(1)
    expect(existsSync(at('full'))).toBe(false)
  })

  it('refuses a base with a weight that is no number, and writes nothing', async () => {
    const broken = await temporaryFolder({ model: true })
    try {
      const file = join(broken.path, 'model.safetensors')
      const bytes = readFileSync(file)
      const length = Number(bytes.readBigUInt64LE(0))
      const header = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Record<
        string,
        { dtype: string; data_offsets?: [number, number] }
      >
      const name = 'model.norm.weight'
      expect(header[name]?.dtype).toBe('F32')
      bytes.writeFloatLE(Number.NaN, 8 + length + (header[name]?.data_offsets?.[0] as number))
      writeFileSync(file, bytes)
      const words = ['--model', broken.path, '--adapter', at('adapter')]
      const done = await runCli(['merge', ...words, '--output-dir', at('broken')])
      expect(done).toMatchObject({ code: 1, stdout: '' })
      expect(done.stderr).toContain('code: merge.finite')
      expect(done.stderr).toContain(name)
      expect(existsSync(join(at('broken'), 'config.json'))).toBe(false)
      writeFileSync(at('rows.jsonl'), '{"text": "some words"}\n')
      const evaluated = await runCli(['eval', '--model', broken.path, '--data', at('rows.jsonl'), '--json'])
      expect(evaluated).toMatchObject({ code: 1, stdout: '' })
      expect(evaluated.stderr).toContain('code: evaluation.finite')
    } finally {
      broken.remove()
    }
  })

  it('replaces neither the base, which the adapter names, nor the adapter', async () => {
    const files = () => [...readdirSync(model.path), ...readdirSync(at('adapter'))]
    const before = files()
    for (const folder of [model.path, at('adapter')]) {
      const words = ['merge', '--adapter', at('adapter'), '--output-dir', folder, '--overwrite-output-dir']
      const done = await runCli(words)
      expect(done).toMatchObject({ code: 1, stdout: '' })
      expect(done.stderr).toMatch(/own[\s\S]*code: config\.value/)
    }
    expect(files()).toEqual(before)
  })

  it('writes in the dtype that it is told, and over a folder only when it is told so', async () => {
    const words = ['merge', '--adapter', at('adapter'), '--output-dir', at('half'), '--dtype', 'bfloat16']
    expect(await runCli(words)).toMatchObject({ code: 0 })
    const dtype = () => (JSON.parse(readFileSync(at('half/config.json'), 'utf8')) as { dtype: string }).dtype
    expect(dtype()).toBe('bfloat16')
    const again = await runCli([...words.slice(0, -1), 'float32'])
    expect(again).toMatchObject({ code: 1, stdout: '' })
    expect(again.stderr).toMatch(/holds a model or a run already.*model\.safetensors[\s\S]*--overwrite-output-dir/)
    expect(dtype()).toBe('bfloat16')
    expect(await runCli([...words.slice(0, -1), 'float32', '--overwrite-output-dir'])).toMatchObject({ code: 0 })
    expect(dtype()).toBe('float32')
  })
})
