/** The program in docs/from-python.md compiles, and runs with a tiny model in the place of the one that it names. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { tinyModelFiles } from 'espalier/tiny-model.fake.js'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { codeBlocks } from './page-code.js'
import { faultsOf } from './type-faults.js'
import { root } from './workspaces.js'

const program = [...codeBlocks(readFileSync(join(root, 'docs/from-python.md'), 'utf8')).values()].join('\n')
const home = process.cwd()
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'espalier-from-python-'))
  for (const [name, blob] of await tinyModelFiles()) {
    const path = join(folder, 'HuggingFaceTB/SmolLM2-135M-Instruct', name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, Buffer.from(await blob.arrayBuffer()))
  }
  const rows = Array.from({ length: 9 }, (_, i) => ({ question: `${i} + 1?`, answer: i === 8 ? '' : `${i + 1}` }))
  writeFileSync(join(folder, 'train.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'))
  writeFileSync(join(folder, 'program.ts'), program)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('compiles', { timeout: 240_000 }, () => {
  const path = join(root, 'docs/program.ts')
  expect(faultsOf([path], new Map([[path, program]]))).toEqual([])
})

it('runs, and leaves what it says', async () => {
  const printed: unknown[][] = []
  const print = vi.spyOn(console, 'log').mockImplementation((...values) => void printed.push(values))
  process.chdir(folder) // its paths are those of a user's folder
  await import(join(folder, 'program.ts')).finally(() => {
    process.chdir(home)
    print.mockRestore()
  })
  expect(printed.slice(0, 3)).toEqual([[9], ['no answer to 8 + 1?'], [2, 8, 7]])
  expect(printed[3]).toEqual([expect.stringMatching(/^trainable params: /), 8])
  expect(printed[4]).toEqual([expect.any(Number), 4, 4, 8, expect.any(Number), expect.any(Number)]) // 4 steps, 3 evaluations, the end
  expect(printed).toHaveLength(6)
  expect(readdirSync(join(folder, 'adapter'))).toEqual(
    expect.arrayContaining(['adapter_config.json', 'adapter_model.safetensors']),
  )
  expect(readdirSync(join(folder, 'merged'))).toEqual(
    expect.arrayContaining(['config.json', 'model.safetensors', 'tokenizer.json']),
  )
})
