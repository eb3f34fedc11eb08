/** Which class makes a tokenizer: as AutoTokenizer of transformers chooses, for every kind of model beside some names. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { EspalierError } from '@espalier/core'
import { Tokenizer } from '@espalier/data'
import { describe, expect, it } from 'vitest'

const { ESPALIER_PYTHON: python } = process.env
if (python === undefined) console.log('ESPALIER_PYTHON is not set: classes of tokenizers were not compared')

const side = fileURLToPath(new URL('./chosen_side.py', import.meta.url))
const PATIENCE_MS = 60_000

type Row = readonly [kind: string | null, name: string | null, chosen: string]

// Names of one class, and classes that leave the file as it is.
const same: Readonly<Record<string, string>> = {
  BartTokenizer: 'RobertaTokenizer',
  LEDTokenizer: 'RobertaTokenizer',
  LongformerTokenizer: 'RobertaTokenizer',
  MvpTokenizer: 'RobertaTokenizer',
  ElectraTokenizer: 'BertTokenizer',
  LxmertTokenizer: 'BertTokenizer',
  MobileBertTokenizer: 'BertTokenizer',
  Phi3Tokenizer: 'LlamaTokenizer',
  FNetTokenizer: 'TokenizersBackend',
  ParakeetTokenizer: 'TokenizersBackend',
  PreTrainedTokenizerFast: 'TokenizersBackend',
}

describe.runIf(python !== undefined)('classes of tokenizers (needs ESPALIER_PYTHON)', () => {
  it(
    'are chosen as by AutoTokenizer',
    async () => {
      const { stdout } = await promisify(execFile)(python as string, [side], { maxBuffer: 2 ** 24 })
      const rows = JSON.parse(stdout) as readonly Row[]
      const differences = rows.filter(([kind, name, expected]) => chosen(kind, name) !== (same[expected] ?? expected))
      console.log(`classes of tokenizers: ${rows.length - differences.length} of ${rows.length} choices equal`)
      expect(differences).toEqual([])
      expect(rows.length).toBeGreaterThan(1_000)
    },
    PATIENCE_MS,
  )
})

function chosen(kind: string | null, name: string | null): string {
  const files = new Map([
    ['tokenizer.json', JSON.stringify({ model: { type: 'WordLevel', vocab: { a: 0 } } })],
    ['config.json', JSON.stringify(kind === null ? {} : { model_type: kind })],
    ['tokenizer_config.json', JSON.stringify(name === null ? {} : { tokenizer_class: name })],
  ])
  const found = classOf(files)?.replace(/Fast$/, '') ?? 'TokenizersBackend'
  const unknown = found === 'SomethingTokenizer' || found === 'BloomTokenizer' || found === 'PreTrainedTokenizer'
  return unknown ? 'TokenizersBackend' : (same[found] ?? found)
}

/** The class that saved files name, or the one that is refused. */
function classOf(files: ReadonlyMap<string, string>): string | undefined {
  try {
    const saved = Tokenizer.fromTexts(files).toFiles().get('tokenizer_config.json') as string
    return (JSON.parse(saved) as { tokenizer_class?: string }).tokenizer_class
  } catch (error) {
    if (EspalierError.isInstance(error)) return error.details.tokenizer_class as string
    throw error
  }
}
