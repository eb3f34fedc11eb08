/**
 * Chat templates: messages to text, and continuing the final message, as transformers does it. Running the template is left to
 * ../template, turning the text into ids to the tokenizer.
 */
import { EspalierError } from '@espalier/core'
import { type RenderedChat, Template } from '../template/render-chat.js'
import { strip } from '../template/values/characters.js'
import { copyWrittenNumbers } from '../written-numbers.js'

/** One part of a message whose content is a list. */
export interface MessagePart {
  readonly type: string
  readonly text?: string
  readonly [key: string]: unknown
}

/** One message of a conversation. Fields beyond role and content reach the template as they are. */
export interface Message {
  readonly role: string
  readonly content?: string | readonly MessagePart[] | null
  readonly [key: string]: unknown
}

/** What a template is given besides the messages. */
export interface ChatTemplateOptions {
  /** Ends with the beginning of an assistant's answer. */
  readonly addGenerationPrompt?: boolean
  /** Ends inside the final message, so that a model goes on with it. */
  readonly continueFinalMessage?: boolean
  /** JSON schemas of the functions that the model may call. */
  readonly tools?: readonly unknown[]
  readonly documents?: readonly unknown[]
  /** A template of its own instead of the tokenizer's, or the name of one of the tokenizer's. */
  readonly chatTemplate?: string
  /** Further variables of the template. */
  readonly variables?: Readonly<Record<string, unknown>>
}

/** A compiled chat template. */
export class ChatTemplate {
  readonly #render: (variables: Readonly<Record<string, unknown>>) => RenderedChat

  /** Throws tokenizer.template when the text is not a template. */
  constructor(source: string) {
    const template = new Template(source)
    this.#render = (variables) => template.render(variables)
  }

  /**
   * The conversation as text, and which parts of it `{% generation %}` marks; none where the final message is continued, as in
   * transformers. Throws tokenizer.template with the template's own message when it refuses the messages.
   */
  render(
    messages: readonly Message[],
    options: ChatTemplateOptions,
    tokens: Readonly<Record<string, string>>,
  ): RenderedChat {
    const { addGenerationPrompt = false, continueFinalMessage = false, tools, documents, variables } = options
    if (addGenerationPrompt && continueFinalMessage) {
      throw new EspalierError('config.value', {
        what: 'a prompt either begins a new answer or continues the final message',
        got: { addGenerationPrompt, continueFinalMessage },
        fix: 'Set one of the two.',
      })
    }
    const values = {
      ...tokens,
      ...variables,
      messages: continueFinalMessage ? markFinal(messages) : messages,
      tools: tools ?? null,
      documents: documents ?? null,
      add_generation_prompt: addGenerationPrompt,
    }
    if (variables !== undefined) copyWrittenNumbers(variables, values)
    const rendered = this.#render(values)
    return continueFinalMessage ? { text: cutAtMark(rendered.text), generated: [] } : rendered
  }
}

const MARK = 'ESPALIER_CONTINUES_HERE ' // the space shows whether the template trims the content

function markFinal(messages: readonly Message[]): Message[] {
  const final = messages.at(-1)
  if (typeof final?.content === 'string') return [...messages.slice(0, -1), { ...final, content: final.content + MARK }]
  const parts = Array.isArray(final?.content) ? (final.content as readonly MessagePart[]) : []
  const index = parts.map((part) => part.text !== undefined).lastIndexOf(true)
  if (final === undefined || index < 0) {
    throw new EspalierError('tokenizer.template', {
      what: 'the final message has no text to continue',
      got: { role: final?.role },
      fix: 'End the messages with one that has text, or do not set continueFinalMessage.',
    })
  }
  const marked = parts.map((part, i) => (i === index ? { ...part, text: `${part.text}${MARK}` } : part))
  return [...messages.slice(0, -1), { ...final, content: marked }]
}

function cutAtMark(text: string): string {
  const at = text.lastIndexOf(MARK.trim())
  if (at < 0) {
    throw new EspalierError('tokenizer.template', {
      what: 'the chat template leaves out the end of the final message, so it cannot be continued',
      fix: 'Do not set continueFinalMessage with this template.',
    })
  }
  return text.startsWith(MARK, at) ? text.slice(0, at) : strip(text.slice(0, at), null, 'right')
}
