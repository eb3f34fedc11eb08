/** What a row says of how its messages are rendered, as TRL reads it: `tools`, and variables of the template in `chat_template_kwargs`. */
import { EspalierError } from '@espalier/core'
import type { DataRow } from '../dataset/formats.js'
import type { ChatTemplateOptions } from '../tokenizer/chat-template.js'
import { copyWrittenNumbers, parseJsonText } from '../written-numbers.js'

// What the preparation says itself: in Python such a key is given twice, which is an error too.
const RESERVED = [
  'messages',
  'conversation',
  'add_generation_prompt',
  'continue_final_message',
  'tokenize',
  'return_dict',
]

/** The template's options for a row. label: names the row in an error. Throws data.row. */
export function templateOptions(
  row: DataRow,
  label: string,
): Pick<ChatTemplateOptions, 'tools' | 'variables' | 'chatTemplate'> {
  const given = variablesOf(row, label)
  const { chat_template: chatTemplate, tools = row.tools, ...variables } = given
  copyWrittenNumbers(given, variables)
  const reserved = RESERVED.find((name) => Object.hasOwn(variables, name))
  if (reserved !== undefined)
    throw new EspalierError('data.row', {
      what: 'the chat_template_kwargs of a row name what its columns say',
      got: { row: label, field: 'chat_template_kwargs', key: reserved },
      fix: 'Leave the key out.',
    })
  if (chatTemplate !== undefined && typeof chatTemplate !== 'string')
    throw wrongOptions('the chat_template of a row is not text', label, 'chat_template_kwargs', chatTemplate)
  return { tools: toolsOf(tools, label), variables, ...(chatTemplate === undefined ? {} : { chatTemplate }) }
}

function variablesOf({ chat_template_kwargs: given }: DataRow, label: string): Readonly<Record<string, unknown>> {
  if (given === undefined || given === null) return {}
  if (typeof given === 'object' && !Array.isArray(given)) return given as Readonly<Record<string, unknown>>
  throw wrongOptions('the chat_template_kwargs of a row are not an object', label, 'chat_template_kwargs', given)
}

function toolsOf(tools: unknown, label: string): readonly unknown[] | undefined {
  if (tools === undefined || tools === null) return undefined
  let value: unknown = tools
  if (typeof tools === 'string') {
    try {
      value = parseJsonText(tools)
    } catch {
      throw wrongOptions('the tools of a row are not JSON', label, 'tools', tools)
    }
  }
  if (Array.isArray(value)) return value
  throw wrongOptions('the tools of a row are not a list', label, 'tools', tools)
}

function wrongOptions(what: string, label: string, field: string, value: unknown): EspalierError {
  return new EspalierError('data.row', {
    what,
    got: { row: label, field, found: Array.isArray(value) ? 'array' : typeof value },
    fix: 'Correct or remove that row.',
  })
}
