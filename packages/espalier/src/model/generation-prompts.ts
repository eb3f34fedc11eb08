/** What generate continues, as token ids. */
import { EspalierError } from '@espalier/core'
import type { Message, Tokenizer } from '@espalier/data'
import type { GenerateBatchOptions, GenerateOptions } from './generation-options.js'

/** Whether options ask for a list of texts: by a list of prompts, or by a number of texts of each. */
export function asksForList(options: GenerateOptions | GenerateBatchOptions): options is GenerateBatchOptions {
  const { prompt, messages, inputIds, numReturnSequences } = options
  return Array.isArray(prompt) || isNested(messages) || isNested(inputIds) || numReturnSequences !== undefined
}

/** Throws config.unsupported where options ask for a list of texts. */
export function requireOneText(options: GenerateOptions | GenerateBatchOptions): void {
  if (!asksForList(options)) return
  throw new EspalierError('config.unsupported', {
    what: 'one text is generated piece by piece',
    got: { numReturnSequences: options.numReturnSequences },
    fix: 'Use generate for lists of prompts and several texts of each',
  })
}

/** The prompts in order. Throws config.value without exactly one kind of prompt, and for an empty one; tokenizer.*. */
export function promptsOf(tokenizer: Tokenizer, options: GenerateOptions | GenerateBatchOptions): number[][] {
  const { prompt, messages, inputIds } = options
  const given = [prompt, messages, inputIds].filter((value) => value !== undefined).length
  if (given !== 1)
    throw new EspalierError('config.value', {
      what: 'generate needs exactly one of prompt, messages and inputIds',
      got: { given },
    })
  const rows =
    inputIds !== undefined
      ? (isNested(inputIds) ? (inputIds as readonly (readonly number[])[]) : [inputIds as readonly number[]]).map(own)
      : messages !== undefined
        ? conversationsIn(messages).map((each) =>
            tokenizer.applyChatTemplate(each, { addGenerationPrompt: true, tokenize: true }),
          )
        : textsIn(prompt as string | readonly string[]).map((text) => tokenizer.encode(text).inputIds)
  if (rows.length === 0)
    throw new EspalierError('config.value', { what: 'the list of prompts is empty', fix: 'Give at least one' })
  const empty = rows.findIndex((ids) => ids.length === 0)
  if (empty !== -1)
    throw new EspalierError('config.value', {
      what: 'the prompt has no tokens',
      got: { prompt: empty },
      fix: 'Give at least one',
    })
  return rows
}

function own(ids: readonly number[]): number[] {
  return [...ids]
}

function textsIn(prompt: string | readonly string[]): readonly string[] {
  const texts = typeof prompt === 'string' ? [prompt] : prompt
  const wrong = texts.find((text) => typeof text !== 'string')
  if (wrong === undefined) return texts
  throw new EspalierError('config.value', {
    what: 'prompt is a text, or a list of texts',
    got: { found: typeof wrong },
    fix: 'Give a conversation as messages, and token ids as inputIds',
  })
}

function conversationsIn(
  messages: readonly Message[] | readonly (readonly Message[])[],
): readonly (readonly Message[])[] {
  return isNested(messages) ? (messages as readonly (readonly Message[])[]) : [messages as readonly Message[]]
}

// Lists of lists; rows of ids may be typed arrays.
function isNested(value: unknown): boolean {
  if (!Array.isArray(value)) return false
  const [first] = value as readonly unknown[]
  return Array.isArray(first) || ArrayBuffer.isView(first)
}
