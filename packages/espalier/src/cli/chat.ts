/** `espalier chat`: generate as a conversation. Answers go to stdout, everything else to stderr. */
import { createInterface, type Interface } from 'node:readline/promises'
import { EspalierError } from '@espalier/core'
import type { Message } from '@espalier/data'
import { greedyNotes, samplingOf } from './generate.js'
import { loadToWrite } from './load.js'
import { onPipeClosed, Progress, result, part as write } from './terminal.js'
import type { Values } from './values.js'

/** Runs the command; its exit code. */
export async function chat(values: Values): Promise<number> {
  const progress = new Progress(values.flag('quiet') === true)
  const model = await loadToWrite(values, progress)
  let lines: Interface | undefined
  try {
    const tokenizer = await model.tokenizer()
    if (tokenizer.chatTemplateNames.length === 0)
      throw new EspalierError('tokenizer.template', {
        what: 'the tokenizer has no chat template, so it is no model to talk to',
        fix: 'Use generate --raw.',
      })
    for (const note of greedyNotes(values, model)) progress.line(note)
    await model.weights()
    progress.clear()
    // Opened last: lines that come before somebody listens would be lost.
    lines = createInterface({ input: process.stdin, output: process.stderr, terminal: process.stdin.isTTY })
    const reader = lines
    const messages: Message[] = []
    let answering: AbortController | undefined
    reader.on('SIGINT', () => (answering === undefined ? reader.close() : answering.abort()))
    onPipeClosed(() => reader.close())
    reader.setPrompt('> ')
    reader.prompt()
    for await (const line of reader) {
      if (line.trim() === '') break
      messages.push({ role: 'user', content: line })
      answering = new AbortController()
      messages.push({ role: 'assistant', content: await answer(answering.signal) })
      answering = undefined
      reader.prompt()
    }
    return 0

    async function answer(signal: AbortSignal): Promise<string> {
      let text = ''
      try {
        for await (const part of model.generateStream({ messages, ...samplingOf(values), signal })) {
          text += part.text
          write(part.text)
        }
      } catch (error) {
        if (!signal.aborted) throw error
      }
      result('')
      return text
    }
  } finally {
    lines?.close()
    progress.end()
    await model.close()
  }
}
