/** Windows of contexts, places of tokens and ends of answers against transformers' tokenizers, of every kind that there are files of. */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadDataset, prepareAnswers, Tokenizer } from '@espalier/data'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const { ESPALIER_PYTHON: python, ESPALIER_MODELS: models, ESPALIER_FIXTURES: fixtures } = process.env
if (python === undefined) console.log('ESPALIER_PYTHON is not set: windows were not checked against transformers')

const subset = fileURLToPath(new URL('../../fixtures/subset/', import.meta.url))
const kinds = join(fixtures ?? subset, 'data', 'tokenizers')
const folders = [
  ...readdirSync(kinds).map((name) => join(kinds, name)),
  ...(models === undefined ? [] : [join(models, 'minilm-l6'), join(models, 'smollm2-135m-instruct')]),
].filter((folder) => existsSync(join(folder, 'tokenizer.json')))

const [MAX_LENGTH, STRIDE] = [40, 8]
const answered = (question: string, context: string, ...texts: string[]) => ({
  question,
  context,
  // Python counts characters, not UTF-16 units.
  answers: { text: texts, answer_start: texts.map((text) => [...context.slice(0, context.indexOf(text))].length) },
})
const rows = [
  answered(
    '  Which statue is on the dome?',
    "Architecturally, the school has a Catholic character. Atop the Main Building's gold dome is a golden statue of the Virgin Mary. Immediately in front of it, and facing it, is a copper statue of Christ.",
    'a golden statue of the Virgin Mary',
    'Virgin Mary',
  ),
  answered('Wo?', 'Ünïcödé, naïve café; 東京の春は？ 한국어 😀👩‍👩‍👧 in\u00A0Zürich\n\n  und e\u0301cole.', 'Zürich'),
  answered('When?', 'Nobody knows.'),
  answered('What ends it?', 'It ends with a word', 'word'),
  answered('How?', '  [SEP] <|im_end|> two  spaces\tand 12,345.67 <s>tags</s> here ', '12,345.67'),
]

interface Window {
  readonly ids: readonly number[]
  readonly types?: readonly number[]
  readonly offset_mapping: readonly (readonly [number, number])[]
  readonly sequence_ids: readonly (number | null)[]
  readonly ends: readonly [number, number]
}

describe.runIf(python !== undefined)('windows of transformers (needs ESPALIER_PYTHON)', () => {
  let work = ''
  let found: readonly (readonly (readonly Window[])[])[] = []

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'espalier-answers-'))
    const [plan, result] = [join(work, 'plan.json'), join(work, 'result.json')]
    await writeFile(plan, JSON.stringify({ folders, rows, maxLength: MAX_LENGTH, stride: STRIDE }))
    const script = fileURLToPath(new URL('./answers_side.py', import.meta.url))
    execFileSync(python ?? '', [script, plan, result], { stdio: ['ignore', 'ignore', 'pipe'] })
    found = JSON.parse(await readFile(result, 'utf8')) as typeof found
  }, 300_000)

  afterAll(async () => {
    if (work !== '') await rm(work, { recursive: true, force: true })
  })

  it.each(folders.map((folder, index) => [folder.split('/').at(-1), folder, index] as const))(
    '%s: the same ids, places and answers',
    async (_, folder, index) => {
      const tokenizer = await Tokenizer.fromFiles((name) => {
        const path = join(folder, name)
        return existsSync(path) ? readFileSync(path, 'utf8') : undefined
      })
      const settings = { maxLength: MAX_LENGTH, docStride: STRIDE }
      const { windows } = await prepareAnswers(loadDataset(rows), async () => tokenizer, settings)
      const ofContext = tokenizer.paddingSide === 'left' ? 0 : 1
      for (const [row, { context }] of rows.entries()) {
        const ours = windows.filter((window) => window.row === row)
        const theirs = found[index]?.[row] ?? []
        const characters = (unit: number) => [...context.slice(0, unit)].length
        expect(
          ours.map(({ inputIds, tokenTypeIds, offsets, positions }) => ({
            ids: inputIds,
            ...(tokenTypeIds === undefined ? {} : { types: tokenTypeIds }),
            offsets: offsets.map((range) => range?.map(characters) ?? null),
            ends: positions,
          })),
        ).toEqual(
          theirs.map(({ ids, types, offset_mapping: offsets, sequence_ids: of, ends }) => ({
            ids,
            ...(types === undefined ? {} : { types }),
            offsets: offsets.map((range, i) => (of[i] === ofContext ? range : null)),
            ends,
          })),
        )
      }
    },
  )
})
