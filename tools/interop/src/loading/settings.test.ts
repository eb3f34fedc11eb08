/** generation_config.json with every key, and with odd values: the text is transformers', or the setting is refused. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { EspalierError, reference } from '@espalier/core'
import { AutoModelForCausalLM } from 'espalier'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const { ESPALIER_PYTHON: python } = process.env
if (python === undefined)
  console.log('ESPALIER_PYTHON is not set: settings of generation were not given to transformers')

const PATIENCE_MS = 30 * 60_000 // importing PyTorch on a busy machine takes minutes
const MOST_ARE_EQUAL = 80 // of some 150; the others Python refuses, or they are refused here by name
const side = fileURLToPath(new URL('./settings_side.py', import.meta.url))

// An empty list is as good as none; transformers fails on it.
const LENIENT: ReadonlySet<string> = new Set(
  ['bad_words_ids', 'sequence_bias', 'eos_token_id', 'stop_strings'].map((key) => `${key} []`),
)

interface SettingsCase {
  readonly name: string
  readonly folder: string
  /** New ids of each text. */
  readonly rows?: readonly (readonly number[])[]
  readonly raises?: string
}

describe.skipIf(python === undefined)('generation_config.json', { timeout: PATIENCE_MS }, () => {
  let root = ''
  let found: { readonly prompt: readonly number[]; readonly cases: readonly SettingsCase[] }

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'espalier-settings-'))
    const result = join(root, 'result.json')
    await promisify(execFile)(python as string, ['-W', 'ignore', side, root, result], { timeout: PATIENCE_MS })
    found = JSON.parse(await readFile(result, 'utf8')) as typeof found
  }, PATIENCE_MS)

  afterAll(async () => {
    if (root !== '') await rm(root, { recursive: true, force: true })
  })

  it('gives the ids of transformers, or is refused', async () => {
    const counts = { equal: 0, refusedByBoth: 0, refusedHere: 0 }
    const differences: string[] = []
    for (const one of found.cases) {
      const made = await idsOf(one.folder)
      if (LENIENT.has(one.name)) continue
      if (typeof made !== 'string' && isBeginning(made, one.rows)) counts.equal += 1
      else if (typeof made !== 'string')
        differences.push(`${one.name}: ${made}, in Python ${JSON.stringify(one.rows ?? one.raises)}`)
      else counts[one.rows === undefined ? 'refusedByBoth' : 'refusedHere'] += 1
    }
    console.log(`${found.cases.length} files of settings: ${JSON.stringify(counts)}`)
    expect(differences).toEqual([])
    expect(counts.equal).toBeGreaterThanOrEqual(MOST_ARE_EQUAL)
  })

  /** The ids of a text that the file's settings alone shape, or the error. */
  async function idsOf(folder: string): Promise<readonly number[] | string> {
    try {
      await using model = await AutoModelForCausalLM.fromPretrained(folder, { backend: reference() })
      return (await model.generate({ inputIds: found.prompt })).tokenIds
    } catch (error) {
      if (EspalierError.isInstance(error)) return error.message
      throw error
    }
  }
})

function isBeginning(made: readonly number[], rows: SettingsCase['rows']): boolean {
  return rows?.length === 1 && String(rows[0]) === String(made)
}
