/** `espalier generate`: streams text to stdout. */
import type { Message } from '@espalier/data'
import type {
  GenerateBatchOptions,
  Generated,
  GenerateOptions,
  GenerationSettings,
} from '../model/generation-options.js'
import type { RuntimeModel } from '../model/runtime-model.js'
import { UsageError } from './failure.js'
import { loadToWrite } from './load.js'
import { onPipeClosed, Progress, result, part as write } from './terminal.js'
import { readJsonFile } from './text-file.js'
import { defined, type Values } from './values.js'

/** Runs the command; its exit code. */
export async function generate(values: Values): Promise<number> {
  const [prompts, files] = [values.list('prompt'), values.list('messages')]
  if ((prompts === undefined) === (files === undefined))
    throw new UsageError('generate needs --prompt or --messages', 'See espalier generate --help for an example')
  const conversations = files === undefined ? undefined : await Promise.all(files.map(readMessages))
  const progress = new Progress(values.flag('quiet') === true)
  for (const note of samplingNotes(values)) progress.line(note)
  const abort = new AbortController()
  let unread = false
  onPipeClosed(() => {
    unread = true
    abort.abort(new Error('nobody reads'))
  })
  try {
    const model = await loadToWrite(values, progress, abort.signal)
    try {
      const tokenizer = await model.tokenizer()
      const chats = values.flag('raw') !== true && tokenizer.chatTemplateNames.length > 0
      const input: Pick<GenerateBatchOptions, 'prompt' | 'messages'> = chats
        ? { messages: conversations ?? (prompts ?? []).map((content) => [{ role: 'user', content }]) }
        : conversations === undefined
          ? { prompt: prompts ?? [] }
          : { messages: conversations }
      for (const note of greedyNotes(values, model)) progress.line(note)
      await model.weights({ signal: abort.signal })
      progress.update('compiling')
      const settings = { ...samplingOf(values), ...beamsOf(values), ...stopsOf(values), signal: abort.signal }
      const texts = values.number('num-return-sequences') ?? 1
      const count = (prompts ?? files ?? []).length * texts
      if (count > 1 || values.flag('json') === true) {
        const made = await model.generate({ ...input, ...settings, numReturnSequences: texts })
        progress.clear()
        for (const [i, each] of made.entries()) {
          if (values.flag('json') === true) result(record(each, count > 1 ? Math.floor(i / texts) : undefined))
          else write(`${each.text}\n`)
        }
        return 0
      }
      const request = { prompt: only(input.prompt), messages: only(input.messages), ...settings } as GenerateOptions
      for await (const part of model.generateStream(request)) {
        progress.clear()
        write(part.text)
      }
      result('')
      return 0
    } finally {
      await model.close()
    }
  } catch (error) {
    progress.clear()
    if (unread) return 0
    throw error
  } finally {
    progress.end()
  }
}

// A text as a line of JSON; of several with the number of its prompt, from 0.
function record({ text, promptTokens, tokenIds, reason, score }: Generated, prompt: number | undefined): string {
  return JSON.stringify({
    ...(prompt === undefined ? {} : { prompt }),
    text,
    prompt_tokens: promptTokens,
    generated_tokens: tokenIds.length,
    reason,
    ...(score === undefined ? {} : { score }),
  })
}

function only(list: unknown): unknown {
  return Array.isArray(list) ? list[0] : list
}

/** How tokens are chosen: greedily, whatever the model's files say, unless sampling is asked for. */
export function samplingOf(values: Values): GenerationSettings {
  return defined({
    doSample: values.flag('do-sample') ?? false,
    temperature: values.number('temperature'),
    topK: values.number('top-k'),
    topP: values.number('top-p'),
    repetitionPenalty: values.number('repetition-penalty'),
    noRepeatNgramSize: values.number('no-repeat-ngram-size'),
    minNewTokens: values.number('min-new-tokens'),
    maxNewTokens: values.number('max-new-tokens'),
    seed: values.number('seed'),
  })
}

/** Said where generation_config.json samples and the command does not. */
export function greedyNotes(values: Values, { loaded }: Pick<RuntimeModel, 'loaded'>): string[] {
  return loaded.generationConfig.do_sample === true && values.flag('do-sample') === undefined
    ? ['note: generation_config.json samples (do_sample); without --do-sample this takes the likeliest tokens']
    : []
}

// As transformers warns: these choose among samples.
function samplingNotes(values: Values): string[] {
  if (values.flag('do-sample') === true) return []
  const idle = ['temperature', 'top-k', 'top-p', 'seed'].filter((name) => values.number(name) !== undefined)
  return idle.length === 0
    ? []
    : [`note: without --do-sample, ${idle.map((name) => `--${name}`).join(', ')} changes nothing`]
}

function beamsOf(values: Values): GenerationSettings {
  const early = values.text('early-stopping')
  return defined({
    numBeams: values.number('num-beams'),
    lengthPenalty: values.number('length-penalty'),
    earlyStopping: early === undefined || early === 'never' ? early : early === 'true',
  })
}

function stopsOf(values: Values): Pick<GenerateOptions, 'stop'> {
  return defined({ stop: values.list('stop') })
}

async function readMessages(path: string): Promise<Message[]> {
  const value = await readJsonFile('messages', path)
  const messages = Array.isArray(value) ? value : (value as { messages?: unknown } | null)?.messages
  if (
    !Array.isArray(messages) ||
    messages.some((message: unknown) => typeof (message as { role?: unknown } | null)?.role !== 'string')
  ) {
    throw new UsageError(
      '--messages must be a list of objects with role and content',
      '[{"role": "user", "content": "..."}]',
    )
  }
  return messages as Message[]
}
