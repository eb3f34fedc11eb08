/** Chat templates: transformers and this make the same text and the same generated spans, both refuse, or this refuses on purpose. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { EspalierError } from '@espalier/core'
import { ChatTemplate, type ChatTemplateOptions, type Message } from '@espalier/data'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const { ESPALIER_PYTHON: python } = process.env
if (python === undefined) console.log('ESPALIER_PYTHON is not set: chat templates were not compared with transformers')

const RANDOM = 6_000 // expressions
const PATIENCE_MS = 5 * 60_000 // importing transformers on a busy machine takes most of it
const side = fileURLToPath(new URL('./templates_side.py', import.meta.url))

type Variables = Readonly<Record<string, unknown>>

/** A template and what transformers made of it; published ones are named. */
interface Row {
  readonly template?: string
  readonly name?: string
  readonly conversation?: number
  readonly text?: string
  readonly generated?: unknown
  readonly raises?: string
  readonly address?: boolean
}

interface Expected {
  readonly variables: Variables
  readonly templates: Readonly<Record<string, string>>
  readonly conversations: readonly Variables[]
  readonly groups: Readonly<Record<'golden' | 'random' | 'published', readonly Row[]>>
}

// What this does not do, on purpose.
const REFUSALS = [
  /^a constant that has no parts is sliced$/,
  /^the template (?:takes|makes|computes) /,
  /not computed here$/,
  /is not (?:read|known|written) here$/,
  /^% is not computed on escaped text here$/,
  /^escaped text is not formatted by % here$/,
]

describe.skipIf(python === undefined)('chat templates', () => {
  let root = ''
  let expected: Expected

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'espalier-templates-'))
    const file = join(root, 'expected.json')
    await promisify(execFile)(python as string, ['-W', 'ignore', side, file, String(RANDOM)], {
      env: { ...process.env, HF_HUB_OFFLINE: '1' },
    })
    expected = JSON.parse(await readFile(file, 'utf8')) as Expected
  }, PATIENCE_MS)
  afterAll(() => rm(root, { recursive: true, force: true }))

  it.each(['golden', 'random', 'published'] as const)('of the %s kind are rendered as by transformers', (group) => {
    const counts = { equal: 0, refusedByBoth: 0, refusedOnPurpose: 0 }
    const differences: string[] = []
    for (const row of expected.groups[group]) {
      const template = row.template ?? expected.templates[row.name ?? ''] ?? ''
      const variables = row.template === undefined ? expected.conversations[row.conversation ?? 0] : expected.variables
      const made = render(template, variables ?? {})
      if (made.refused !== undefined) {
        if (row.raises !== undefined) counts.refusedByBoth += 1
        else if (row.address === true || REFUSALS.some((refusal) => refusal.test(made.refused ?? '')))
          counts.refusedOnPurpose += 1
        else differences.push(`${row.name ?? template} (${row.conversation}): ${made.refused}, not ${row.text}`)
      } else if (made.text === row.text && JSON.stringify(made.generated) === JSON.stringify(row.generated))
        counts.equal += 1
      else
        differences.push(`${row.name ?? template} (${row.conversation}): ${made.text}, not ${row.text ?? row.raises}`)
    }
    console.log(`${group} templates: ${JSON.stringify(counts)}`)
    expect(differences).toEqual([])
    if (group === 'published') expect(counts.refusedOnPurpose).toBe(0)
    expect(counts.equal).toBeGreaterThan(counts.refusedByBoth)
  })

  it('are at least 40 published ones, 120 small ones and some thousand random ones', () => {
    const { golden, random } = expected.groups
    expect(Object.keys(expected.templates).length).toBeGreaterThanOrEqual(40)
    expect(golden.length).toBeGreaterThanOrEqual(120)
    expect(random.length).toBe(RANDOM)
  })
})

function render(
  template: string,
  variables: Variables,
): { readonly text?: string; readonly generated?: unknown; readonly refused?: string } {
  try {
    const { messages = [], tools, documents, add_generation_prompt: addGenerationPrompt, ...others } = variables
    const options = { tools, documents, addGenerationPrompt, variables: others } as ChatTemplateOptions
    return new ChatTemplate(template).render(messages as readonly Message[], options, {})
  } catch (error) {
    if (EspalierError.isInstance(error)) return { refused: String(error.details.reason) }
    throw error
  }
}
