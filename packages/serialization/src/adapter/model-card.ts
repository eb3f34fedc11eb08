/** README.md of an adapter folder: a model card whose front matter the hub reads. An existing card keeps everything but what PEFT updates. */
import { codeSpan, quoted, yamlScalar } from '../quoted-names.js'

/** What a card says of an adapter. */
export interface CardFacts {
  /** Hub id or folder of the base model; null when it was made from a configuration. */
  readonly baseModel: string | null
  readonly peftType: string
  readonly taskType: string | null
  readonly peftVersion: string
}

/** A new card, or the existing one brought up to date. */
export function modelCard(facts: CardFacts, existing?: string): string {
  const match = existing === undefined ? null : /^---\r?\n([\s\S]*?)\r?\n?---[ \t]*(?:\r?\n|$)/.exec(existing)
  const head = frontMatter(facts, match?.[1] ?? '')
  const body = existing === undefined ? newBody(facts) : existing.slice(match?.[0].length ?? 0)
  return `---\n${head}\n---\n${withVersion(body, facts.peftVersion)}`
}

interface Entry {
  readonly key: string
  /** The entry's own text, with the lines that belong to it. */
  readonly lines: readonly string[]
}

function frontMatter({ baseModel, peftType, taskType }: CardFacts, old: string): string {
  const entries = new Map(splitEntries(old).map((entry) => [entry.key, entry]))
  const set = (key: string, ...lines: string[]) => entries.set(key, { key, lines })
  const tags = new Set(listOf(entries.get('tags')))
  if (baseModel !== null) {
    set('base_model', `base_model: ${yamlScalar(baseModel)}`)
    tags.add(`base_model:adapter:${baseModel}`)
  }
  set('library_name', 'library_name: peft')
  if (taskType === 'CAUSAL_LM' && !entries.has('pipeline_tag')) set('pipeline_tag', 'pipeline_tag: text-generation')
  if (peftType === 'LORA') tags.add('lora')
  tags.add('transformers')
  set('tags', 'tags:', ...[...tags].sort().map((tag) => `- ${yamlScalar(tag)}`))
  return [...entries.values()].flatMap((entry) => entry.lines).join('\n')
}

// Top-level keys with the lines below them. Anything else, such as a comment, stays with the key above.
function splitEntries(text: string): Entry[] {
  const entries: { key: string; lines: string[] }[] = []
  for (const line of text.split(/\r?\n/)) {
    const key = /^([A-Za-z_][\w-]*):(?:\s|$)/.exec(line)?.[1]
    const last = entries.at(-1)
    if (key !== undefined) entries.push({ key, lines: [line] })
    else if (last !== undefined) last.lines.push(line)
    else if (line.trim() !== '') entries.push({ key: `#${line}`, lines: [line] })
  }
  return entries
}

function listOf(entry: Entry | undefined): string[] {
  if (entry === undefined) return []
  const inline = /^\w+:\s*\[(.*)\]\s*$/.exec(entry.lines[0] ?? '')?.[1]
  const items =
    inline === undefined ? entry.lines.slice(1).map((line) => /^\s*-\s+(.*)$/.exec(line)?.[1] ?? '') : inline.split(',')
  const single = /^\w+:\s*([^\s[].*)$/.exec(entry.lines[0] ?? '')?.[1]
  return [...items, single ?? ''].map((item) => unquoted(item.trim())).filter((item) => item !== '')
}

function unquoted(item: string): string {
  if (/^'.*'$/.test(item)) return item.slice(1, -1).replaceAll("''", "'")
  if (!/^".*"$/.test(item)) return item
  try {
    return String(JSON.parse(item))
  } catch {
    return item.slice(1, -1) // escapes that only YAML has
  }
}

function newBody({ baseModel, peftType, taskType }: CardFacts): string {
  const base = baseModel === null ? 'a model that was made from a configuration' : codeSpan(baseModel)
  const code =
    baseModel === null || taskType !== 'CAUSAL_LM'
      ? ''
      : `
## How to use it

\`\`\`python
from peft import PeftModel
from transformers import AutoModelForCausalLM

model = AutoModelForCausalLM.from_pretrained(${quoted(baseModel)})
model = PeftModel.from_pretrained(model, "path/to/this/folder")
\`\`\`
`
  return `
# Model card

A ${peftType} adapter for ${base}, in the format of PEFT.
${code}
## Training data

Not described yet.

## Limits and risks

Those of the base model, and of the data it was trained on.
`
}

function withVersion(body: string, version: string): string {
  const line = `- PEFT ${version}`
  const lines = body.split('\n')
  if (lines.includes(line)) return body
  const heading = lines.indexOf('### Framework versions')
  if (heading < 0) return `${body.replace(/\n+$/, '')}\n### Framework versions\n\n${line}`
  const old = lines.findIndex((each, i) => i > heading && /^- PEFT /.test(each))
  if (old >= 0) lines.splice(old, 1, line)
  else lines.splice(heading + 2, 0, line)
  return lines.join('\n')
}
