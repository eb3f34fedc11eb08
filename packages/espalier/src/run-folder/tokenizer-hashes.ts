/** SHA-256 of what identifies a tokenizer: each of its files, and its chat template, which tokenizer_config.json may hold among others. */
import { createHash } from 'node:crypto'
import type { RuntimeModel } from '../model/runtime-model.js'
import { tokenizerTexts } from '../model/save-tokenizer.js'

/** File -> SHA-256; nothing of a model without a tokenizer. Throws what reading the tokenizer throws. */
export async function tokenizerHashes(
  model: Pick<RuntimeModel, 'tokenizer'>,
): Promise<Readonly<Record<string, string>>> {
  const texts = await tokenizerTexts(model)
  const hashes = Object.fromEntries([...texts].map(([name, text]) => [name, sha256(text)]))
  const template = texts.get('chat_template.jinja') ?? templateIn(texts.get('tokenizer_config.json'))
  return template === undefined ? hashes : { ...hashes, [CHAT_TEMPLATE]: sha256(template) }
}

const CHAT_TEMPLATE = 'chat template'

function templateIn(config: string | undefined): string | undefined {
  const { chat_template: template } = JSON.parse(config ?? '{}') as { chat_template?: unknown }
  return template === undefined || template === null ? undefined : JSON.stringify(template)
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
