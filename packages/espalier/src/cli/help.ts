/** What `--help` prints: what a command is for, one example that runs, and its options. */
import { type Option, pythonValue, rangeText } from './option.js'
import { groupNames, groupOf } from './option-groups.js'
import { optionsOf } from './options.js'

/** A command's teaching text. */
export interface CommandHelp {
  readonly usage: string
  readonly does: string
  readonly example: string
}

/** The commands that exist. */
export const commandHelp: Readonly<Record<string, CommandHelp>> = {
  train: {
    usage: 'espalier train --model M --data D --output-dir O',
    does: 'Fine-tunes a model through a LoRA adapter and writes a folder that Python PEFT opens: a model that writes, or one that labels texts or words, finds answers or fills in masks, whose head is kept with the adapter. First it says what it will train on and what memory it expects.',
    example:
      'espalier train --model HuggingFaceTB/SmolLM2-135M-Instruct --data train.jsonl --output-dir out --lora-target-modules all-linear',
  },
  generate: {
    usage: 'espalier generate --model M [--adapter A] (--prompt TEXT | --messages FILE)...',
    does: 'Streams text to stdout; several texts come one after the other when all are there. A prompt goes through the chat template where the tokenizer has one, unless --raw.',
    example:
      'espalier generate --model HuggingFaceTB/SmolLM2-135M-Instruct --prompt "Name three fruits." --max-new-tokens 64',
  },
  chat: {
    usage: 'espalier chat --model M [--adapter A]',
    does: 'A conversation in the terminal: each line is a turn, the model sees all of them. Ctrl-C ends an answer, an empty line or Ctrl-D the conversation.',
    example: 'espalier chat --model HuggingFaceTB/SmolLM2-135M-Instruct --do-sample --temperature 0.7',
  },
  predict: {
    usage: 'espalier predict --model M [--adapter A] --data D',
    does: 'What a model’s head says of each row, one JSON object a line, with the row’s id where it has one: the label of a text and scores of all; the label of each word in tokens; the answer to a question in its context, in characters; what may stand for the mask tokens in a text; the vector of a text, where the model has no head.',
    example: 'espalier predict --model distilbert/distilbert-base-cased-distilled-squad --data questions.jsonl',
  },
  eval: {
    usage: 'espalier eval --model M [--adapter A] --data D',
    does: 'Mean loss over what counts, and what the head is measured by: perplexity of texts; accuracy, F1 and Matthews of labels; mean squared error, Pearson and Spearman of numbers; F1 of entities, where labels of words name them; exact match and F1 of answers, as SQuAD has them. The head is that of the adapter or of the checkpoint.',
    example: 'espalier eval --model HuggingFaceTB/SmolLM2-135M-Instruct --adapter out --data test.jsonl',
  },
  merge: {
    usage: 'espalier merge --model M --adapter A --output-dir O',
    does: 'Writes an ordinary Hugging Face model folder with the adapter merged in, tokenizer included.',
    example: 'espalier merge --model HuggingFaceTB/SmolLM2-135M-Instruct --adapter out --output-dir merged',
  },
  inspect: {
    usage: 'espalier inspect PATH',
    does: 'Says what a file or folder is: architecture, parameters, dtypes, adapter kind and targets. Reads headers only.',
    example: 'espalier inspect out --for vllm',
  },
  push: {
    usage: 'espalier push FOLDER OWNER/NAME',
    does: 'Uploads an adapter or a model folder to the hub as one commit. A new repository is private unless --public. The token comes from HF_TOKEN.',
    example: 'espalier push out my-name/my-adapter',
  },
  doctor: {
    usage: 'espalier doctor',
    does: 'Versions, backends, threads, memory, cache and hub, telemetry. Nothing secret: paste it into a report.',
    example: 'espalier doctor',
  },
  quickstart: {
    usage: 'espalier quickstart',
    does: 'Teaches a small bundled model a skill on this CPU in a few minutes, and shows before and after.',
    example: 'espalier quickstart',
  },
}

/** The text of `espalier --help`. */
export function generalHelp(): string {
  const width = Math.max(...Object.keys(commandHelp).map((name) => name.length))
  const lines = Object.entries(commandHelp).map(
    ([name, { does }]) => `  ${name.padEnd(width)}  ${does.split('. ')[0]?.replace(/\.$/, '')}`,
  )
  return [
    'Fine-tunes Hugging Face models in TypeScript; the adapters are PEFT’s.',
    '',
    'usage: espalier COMMAND [options]',
    '',
    ...lines,
    '',
    'espalier COMMAND --help teaches a command. espalier --version [--verbose]',
  ].join('\n')
}

/** The text of `espalier COMMAND --help`. */
export function helpFor(command: string): string {
  const help = commandHelp[command] as CommandHelp
  const own = optionsOf(command)
  const ready = own.filter((option) => !isLater(option))
  const later = own.filter((option) => isLater(option)).map((option) => `--${option.name}`)
  const width = Math.min(WIDEST_LABEL, Math.max(...ready.map((option) => label(option).length), 0))
  const rows = (some: readonly Option[]) => some.flatMap((option) => row(label(option), describe(option), width))
  return [
    help.usage,
    '',
    help.does,
    '',
    'example:',
    `  ${help.example}`,
    ...(ready.length === 0
      ? []
      : [
          '',
          'options (with - or _):',
          ...(ready.length <= MOST_IN_ONE_LIST
            ? rows(ready)
            : groupNames.flatMap((group) => [
                '',
                `${group}:`,
                ...rows(ready.filter(({ name }) => groupOf(name) === group)),
              ])),
        ]),
    ...(later.length === 0 ? [] : ['', ...wrapped(`not yet: ${later.join(' ')}`, lineWidth())]),
  ].join('\n')
}

const WIDEST_LABEL = 32
const MOST_IN_ONE_LIST = 30
const [NARROWEST, WIDEST] = [60, 120] // characters of a line, whatever the terminal says

/** Not there yet; what differs from Python for that is still shown, with the reason. */
function isLater({ planned, python }: Option): boolean {
  return planned !== undefined && python === undefined
}

function lineWidth(): number {
  return Math.min(WIDEST, Math.max(NARROWEST, process.stdout.columns ?? 100))
}

/** A label with its text beside it, or below it when the label is too long. */
function row(name: string, text: string, width: number): string[] {
  const indent = ' '.repeat(width + 4)
  const lines = wrapped(text, lineWidth() - indent.length)
  if (name.length > width) return [`  ${name}`, ...lines.map((line) => indent + line)]
  return lines.map((line, i) => (i === 0 ? `  ${name.padEnd(width)}  ${line}` : indent + line))
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

function label({ name, type }: Option): string {
  const value =
    type === 'boolean'
      ? ''
      : type === 'whole' || type === 'number'
        ? ' N'
        : type === 'text-or-true'
          ? ' [X]'
          : type === 'record'
            ? ' JSON'
            : type === 'list' || type === 'texts' || type === 'texts-or-text'
              ? ' A B...'
              : ' X'
  return `--${name}${value}`
}

function describe(option: Option): string {
  const { help, choices, range, default: standard, python } = option
  const notes = [
    ...[rangeText(range ?? {})].filter((limits) => limits !== ''),
    ...(standard === undefined ? [] : [`default ${standard}`]),
  ]
  return `${help}${choices === undefined ? '' : `: ${choices.join(', ')}`}${notes.length === 0 ? '' : ` (${notes.join('; ')})`}${python === undefined ? '' : `; in Python ${pythonValue(option)}: ${python.why}`}`
}
