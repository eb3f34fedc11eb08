/** What `espalier train` says before it begins, when its paths are wrong and when it is interrupted. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder, tinyRows } from '../tiny-model.fake.js'
import { cliCommand, runCli, startCli } from './run-cli.fake.js'

let work: { readonly path: string; remove(): void }
let model: { readonly path: string; remove(): void }
const at = (name: string) => join(work.path, name)
const words = (folder: string) => ['train', '--model', model.path, '--data', at('rows.jsonl'), '--output-dir', folder]
const lines = (text: string) => text.trim().split('\n')

beforeAll(async () => {
  work = await temporaryFolder()
  model = await temporaryFolder({ model: true })
  writeFileSync(at('rows.jsonl'), tinyRows.map((row) => `${JSON.stringify(row)}\n`).join(''))
})
afterAll(() => {
  work.remove()
  model.remove()
})

describe('espalier train', { timeout: 60_000 }, () => {
  it.each([
    ['--data', 'nowhere.jsonl', 'data.file'],
    ['--eval-data', 'nowhere.jsonl', 'data.file'],
    ['--model', 'no model', 'source.unknown'],
  ])('says only what is wrong when %s is not there', async (option, name, code) => {
    const given = words(at('unused')).map((word, i, all) => (all[i - 1] === option ? at(name) : word))
    const done = await runCli(given.includes(option) ? given : [...given, option, at(name)])
    expect(done.code).toBe(1)
    expect(done.stderr).not.toContain('not as in Python')
    expect(done.stderr).toContain(`code: ${code}`)
    expect(existsSync(at('unused'))).toBe(false)
  })

  it('refuses an output that is the base, holds the data or can be no folder, before anything is read', async () => {
    const before = readFileSync(join(model.path, 'config.json'))
    mkdirSync(at('holding'))
    writeFileSync(at('holding/log.jsonl'), readFileSync(at('rows.jsonl')))
    symlinkSync(at('not there'), at('dangling'))
    mkdirSync(at('taken/run.json'), { recursive: true })
    for (const [given, code] of [
      [words(''), 2],
      [[...words(model.path), '--overwrite-output-dir'], 1],
      [words(at('rows.jsonl')), 1],
      [words(at('dangling')), 1],
      [words(at('taken')), 1],
      [[...words(at('holding')), '--eval-data', at('holding/log.jsonl')], 1],
    ] as const) {
      const done = await runCli(given)
      expect(done).toMatchObject({ code, stdout: '' })
      expect(done.stderr).toContain('--output-dir')
      expect(done.stderr).not.toContain('backend:')
    }
    expect(readFileSync(join(model.path, 'config.json'))).toEqual(before)
    expect([...readdirSync(at('holding')), ...readdirSync(at('taken'))]).toEqual(['log.jsonl', 'run.json'])
  })

  it('counts the parameters of base and adapter apart, and keeps why values are not Python’s', async () => {
    const done = await runCli([...words(at('counted')), '--max-steps', '1', '--save-strategy', 'no'])
    expect(done.code).toBe(0)
    expect(lines(done.stderr).filter((line) => line.startsWith('not as in Python'))).toHaveLength(1)
    const run = JSON.parse(readFileSync(at('counted/run.json'), 'utf8')) as {
      base: { parameters: number }
      adapter: { parameters: number }
      trainableParameters: string
      notAsInPython: Record<string, { here: string; python: string; why: string }>
    }
    const inspected = (await runCli(['inspect', model.path, '--json'])).stdout
    expect(run.base.parameters.toLocaleString('en-US')).toBe(
      (JSON.parse(inspected) as { parameters: string }).parameters,
    )
    expect(run.trainableParameters).toContain(`trainable params: ${run.adapter.parameters.toLocaleString('en-US')} `)
    expect(run.notAsInPython.learning_rate).toMatchObject({ here: '0.0002', python: '2e-05' })
  })

  it('ends with the command that goes on, which runs', async () => {
    const run = startCli([...words(at('stopped')), '--max-steps', '2000', '--save-strategy', 'no'])
    await run.saw('step 1/')
    run.child.kill('SIGINT')
    const { code, stderr } = await run.ended
    expect(code).toBe(130)
    const command = lines(stderr).at(-1) ?? ''
    expect(command).toMatch(
      /^to go on from these values: espalier train .* --adapter \S+stopped --max-steps \d+ --output-dir \S+stopped-2$/,
    )
    const done = Number(/stopped: (\d+) steps/.exec(stderr)?.[1])
    const left = String(2000 - done)
    const again = (command.split(': espalier ')[1] ?? '').split(' ')
    expect(again.filter((word) => word === '--output-dir')).toHaveLength(1)
    expect(again).toContain(left)
    again[again.indexOf(left)] = '1'
    expect(await runCli(again)).toMatchObject({ code: 0 })
    expect(existsSync(at('stopped-2/adapter_model.safetensors'))).toBe(true)
  })

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('finishes its step and saves at the first %s', async (signal, code) => {
    const folder = at(`stopped-${signal}`)
    const run = startCli([...words(folder), '--max-steps', '100000', '--save-strategy', 'no'])
    await run.saw('step 1/')
    run.child.kill(signal)
    const done = await run.ended
    expect(done).toMatchObject({ code, stdout: '' })
    expect(done.stderr).toContain('stopped:')
    expect(JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8'))).toMatchObject({ outcome: { reason: 'stopped' } })
    expect((await runCli(['inspect', folder])).stdout).toContain('a PEFT adapter')
  })

  it('says why nothing was saved when a save fails after a signal', async () => {
    const folder = at('unsaved')
    const run = startCli([...words(folder), '--max-steps', '100000', '--save-strategy', 'no'])
    await run.saw('step 1/')
    mkdirSync(join(folder, 'adapter_model.safetensors', 'in the way'), { recursive: true })
    run.child.kill('SIGINT')
    const done = await run.ended
    expect(done).toMatchObject({ code: 130, stdout: '' })
    expect(done.stderr).toMatch(/^error: .*adapter_model\.safetensors/m)
    expect(done.stderr).toMatch(/^code: /m)
  })

  it('leaves whole files when a signal comes during a save', async () => {
    const folder = at('saving')
    const saving = ['--max-steps', '100000', '--save-strategy', 'steps', '--save-steps', '1']
    const run = startCli([...words(folder), ...saving, '--save-total-limit', '2'])
    await run.saw('checkpoint-3')
    run.child.kill('SIGTERM')
    expect(await run.ended).toMatchObject({ code: 143 })
    const names = readdirSync(folder, { recursive: true }).map(String)
    expect(names.filter((name) => /tmp|part|incomplete/.test(name))).toEqual([])
    expect(names).toContain('adapter_model.safetensors')
    const checkpoints = names.filter((name) => /^checkpoint-\d+$/.test(name))
    expect(checkpoints).toHaveLength(2)
    for (const name of checkpoints)
      expect(names).toEqual(expect.arrayContaining([`${name}/adapter_config.json`, `${name}/trainer_state.json`]))
    expect((await runCli(['inspect', folder])).code).toBe(0)
  })

  it('lets one run at a time into a folder, and takes over from one that was killed', async () => {
    const shared = [...words(at('shared')), '--save-strategy', 'no', '--quiet']
    const run = startCli([...shared, '--max-steps', '100000', '--json'])
    await run.saw('"type":"step"')
    const second = await runCli([...shared, '--overwrite-output-dir'])
    expect(second).toMatchObject({ code: 1, stdout: '' })
    expect(second.stderr).toContain('code: run.locked')
    expect(second.stderr).toContain(`pid=${run.child.pid}`)
    run.child.kill('SIGKILL')
    await run.ended
    writeFileSync(at(`shared/.run.json.${run.child.pid}.0123abcd.tmp`), 'half of a fi')
    expect(readdirSync(at('shared'))).toContain('.espalier.lock')
    expect(await runCli([...shared, '--max-steps', '2'])).toMatchObject({ code: 0 })
    expect(readdirSync(at('shared')).filter((name) => name.startsWith('.'))).toEqual([])
  })

  it.runIf(process.platform === 'linux')('trains on when its events cannot be written, and says so at the end', () => {
    const folder = at('unwritable')
    const run = cliCommand([...words(folder), '--max-steps', '3', '--json'])
    for (const [redirected, code] of [
      ['>/dev/full', 1],
      ['2>/dev/full >/dev/null', 0],
    ] as const) {
      const done = spawnSync('sh', ['-c', `exec "$0" "$@" ${redirected}`, ...run.words, '--overwrite-output-dir'], { encoding: 'utf8', env: run.env }) // biome-ignore format: one command
      expect(done).toMatchObject({ status: code })
      if (code === 1) expect(done.stderr).toContain('error: results cannot be written to stdout: ENOSPC')
      expect(JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8'))).toMatchObject({ outcome: { reason: 'done' } })
    }
  })

  it.runIf(process.platform !== 'win32')('refuses pipes before they are opened, and 100000 threads', async () => {
    const pipe = at('pipe.jsonl')
    execFileSync('mkfifo', [pipe])
    const train = ['train', '--model', model.path, '--output-dir', at('pipe')]
    for (const [given, code] of [
      [[...train, '--data', pipe], 'data.file'],
      [[...train, '--data', at('rows.jsonl'), '--adapter', pipe], 'source.unknown'],
      [[...words(at('pipe')), '--peft-config', pipe], '--peft-config'],
      [[...train, '--config', pipe], '--config'],
      [['generate', '--model', model.path, '--messages', pipe], '--messages'],
    ] as const) {
      const done = await runCli(given)
      expect(done).toMatchObject({ code: code.startsWith('--') ? 2 : 1, stdout: '' })
      expect(done.stderr).toContain(code)
    }
    expect(await runCli([...words(at('threads')), '--threads', '100000'])).toMatchObject({ code: 2 })
  })

  it('ends by the signal itself while there is nothing to save, and the next run takes over', async () => {
    const run = startCli([...words(at('early')), '--max-steps', '2'])
    await run.saw('backend:')
    run.child.kill('SIGTERM')
    expect(await run.ended).toMatchObject({ code: null, signal: 'SIGTERM' })
    expect(await runCli([...words(at('early')), '--max-steps', '2'])).toMatchObject({ code: 0 })
  })

  it('hears signals while it computes in its own thread', async () => {
    const run = startCli([...words(at('own-thread')), '--max-steps', '100000', '--backend', 'reference'])
    await run.saw('step 1/')
    run.child.kill('SIGINT')
    expect(await run.ended).toMatchObject({ code: 130 })
    expect(existsSync(at('own-thread/adapter_model.safetensors'))).toBe(true)
  })

  it('leaves at once at the second signal', async () => {
    const run = startCli([...words(at('twice')), '--max-steps', '100000'])
    await run.saw('step 1/')
    run.child.kill('SIGINT')
    run.child.kill('SIGINT')
    const done = await run.ended
    expect(done.signal === 'SIGINT' || done.code === 130).toBe(true)
  })
})
