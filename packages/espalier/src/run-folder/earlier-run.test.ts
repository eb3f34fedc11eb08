import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { earlierRun, isRun, requireNoRun } from './earlier-run.js'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'espalier-earlier-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

it.each([
  ['whole', ['config.json', 'model.safetensors'], ['model.safetensors']],
  [
    'in shards',
    ['config.json', 'model-00001-of-00001.safetensors', 'model.safetensors.index.json'],
    ['model-00001-of-00001.safetensors', 'model.safetensors.index.json'],
  ],
  ['of PyTorch', ['config.json', 'pytorch_model.bin'], ['pytorch_model.bin']],
  ['an adapter of PyTorch', ['adapter_model.bin'], ['adapter_model.bin']],
])('a model is not written over unasked: %s', async (_, names, results) => {
  for (const name of names) writeFileSync(join(folder, name), '')
  const found = await earlierRun(folder)
  expect([...found.results].sort()).toEqual(results)
  expect(isRun(found)).toBe(true)
  await expect(requireNoRun(folder)).rejects.toMatchObject({ code: 'config.value', details: { holds: found.results } })
})

it('other files, and the log of a run without a result, are none', async () => {
  mkdirSync(join(folder, 'models'))
  for (const name of ['config.json', 'train.jsonl', 'run.json', 'log.jsonl']) writeFileSync(join(folder, name), '')
  expect(isRun(await earlierRun(folder))).toBe(false)
  expect(isRun(await earlierRun(join(folder, 'nowhere')))).toBe(false)
})
