/** Tokenizer folders of every kind: transformers and this give the same ids and texts, or this refuses on purpose, naming the component. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { EspalierError } from '@espalier/core'
import { Tokenizer } from '@espalier/data'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const { ESPALIER_PYTHON: python } = process.env
if (python === undefined) console.log('ESPALIER_PYTHON is not set: tokenizers were not compared with transformers')

const TEXTS = 2_000
const SAVED = 300 // texts that saved folders are held to
const STREAMED = 500 // rows of texts that are also decoded id by id
const PATIENCE_MS = 20 * 60_000
const side = fileURLToPath(new URL('./tokens_side.py', import.meta.url))

/** What transformers made of a folder. */
interface Expected {
  readonly name: string
  readonly raises?: string
  readonly ids: readonly (readonly number[] | null)[]
  readonly streams: readonly (readonly number[])[]
  readonly decoded: readonly string[]
  readonly skipped: readonly string[]
}

// Refused on purpose; everything else is equal.
const refused: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'pre scripts': { component: 'pre_tokenizer', type: 'UnicodeScripts' },
  'model bpe-dropout': { component: 'model', dropout: 0.1 },
  'post two templates': { type: 'Sequence of several that add tokens' },
  'type whisper': { tokenizer_class: 'WhisperTokenizer' },
}

const FOLDERS = 206
const PACKAGES = 'packages'
const PROTOBUF = 'protobuf==7.36.2' // transformers converts SentencePiece's files with it, and does not ask for it

describe.runIf(python !== undefined)('tokenizers of transformers (needs ESPALIER_PYTHON)', () => {
  let root = ''
  let texts: readonly string[] = []
  let folders: readonly string[] = []

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'espalier-tokens-'))
    const pip = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', join(root, PACKAGES), PROTOBUF]
    await promisify(execFile)(python as string, pip)
    await run(root, TEXTS)
    texts = JSON.parse(await readFile(join(root, 'texts.json'), 'utf8')) as string[]
    folders = (await readdir(root)).filter((name) => /^\d+$/.test(name))
  }, PATIENCE_MS)
  afterAll(() => rm(root, { recursive: true, force: true }))

  it(
    'give the ids and the texts of transformers, whole and streamed',
    async () => {
      const differences: string[] = []
      const met: string[] = []
      for (const folder of folders) {
        const expected = JSON.parse(await readFile(join(root, folder, 'expected.json'), 'utf8')) as Expected
        const made = await Tokenizer.fromFiles((name) =>
          readFile(join(root, folder, name)).catch(() => undefined),
        ).catch((error: unknown) => error)
        if (made instanceof Tokenizer) {
          await save(made, join(root, folder, 'saved'))
          if (expected.raises !== undefined) differences.push(`${expected.name}: only transformers raises`)
          else differences.push(...compare(made, texts, expected).map((text) => `${expected.name}: ${text}`))
          continue
        }
        met.push(expected.name)
        expect(EspalierError.isInstance(made), `${expected.name}: ${made}`).toBe(true)
        if (expected.raises === undefined)
          expect((made as EspalierError).details, expected.name).toMatchObject(
            refused[expected.name] ?? { refused: 'never' },
          )
      }
      const rows = (folders.length - met.length) * texts.length
      console.log(
        `tokenizers: ${folders.length - met.length} of ${folders.length} give equal ids on ${rows} texts, ${met.length} are refused`,
      )
      expect(differences).toEqual([])
      expect(folders.length).toBe(FOLDERS)
    },
    PATIENCE_MS,
  )

  it(
    'make folders that transformers reads without config.json, with the same ids',
    async () => {
      expect(await run(root, SAVED, 'saved')).toBe('')
    },
    PATIENCE_MS,
  )
})

async function run(root: string, count: number, ...mode: string[]): Promise<string> {
  const env = { ...process.env, HF_HUB_OFFLINE: '1', PYTHONPATH: join(root, PACKAGES) }
  const { stdout } = await promisify(execFile)(python as string, [side, root, String(count), ...mode], { env })
  return stdout.trim()
}

async function save(tokenizer: Tokenizer, place: string): Promise<void> {
  await mkdir(place)
  for (const [name, text] of tokenizer.toFiles()) await writeFile(join(place, name), text)
}

/** The first difference of each kind. */
function compare(tokenizer: Tokenizer, texts: readonly string[], expected: Expected): string[] {
  const found = new Map<string, string>()
  const check = (kind: string, given: unknown, got: unknown, want: unknown) => {
    const [left, right] = [JSON.stringify(got), JSON.stringify(want)]
    if (left !== right && !found.has(kind))
      found.set(kind, `${kind} of ${JSON.stringify(given)}: ${left}, not ${right}`)
  }
  texts.forEach((text, index) => {
    check('ids', text, idsOf(tokenizer, text), expected.ids[index])
  })
  const known = expected.ids.filter((ids) => ids !== null)
  const rows = [...known, ...expected.streams]
  rows.forEach((ids, index) => {
    check('text', ids, tokenizer.decode(ids), expected.decoded[index])
    check(
      'text without special tokens',
      ids,
      tokenizer.decode(ids, { skipSpecialTokens: true }),
      expected.skipped[index],
    )
    if (index >= STREAMED && index < known.length) return
    check('streamed text', ids, streamed(tokenizer, ids, false), expected.decoded[index])
    check('streamed text without special tokens', ids, streamed(tokenizer, ids, true), expected.skipped[index])
  })
  return [...found.values()]
}

/** Ids of a text; null where it is refused, as transformers refuses half of a surrogate pair. */
function idsOf(tokenizer: Tokenizer, text: string): number[] | null {
  try {
    return tokenizer.encode(text).inputIds
  } catch (error) {
    if (EspalierError.isInstance(error)) return null
    throw error
  }
}

function streamed(tokenizer: Tokenizer, ids: readonly number[], skipSpecialTokens: boolean): string {
  const detokenizer = tokenizer.detokenizer({ skipSpecialTokens })
  return ids.map((id) => detokenizer.push(id)).join('') + detokenizer.end()
}
