/** Whether a model and its tokenizer are those that an adapter was trained on, as the run.json beside the adapter tells. */
import { readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { PeftModel } from '../model/peft-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import { baseHashes } from './base-hashes.js'
import { checkpointStep } from './run-names.js'
import { tokenizerHashes } from './tokenizer-hashes.js'

/**
 * What differs, a sentence each; nothing where there is no run.json, as beside adapters of Python. adapter: its folder, or a checkpoint of
 * its run. Throws what reading the model's files throws.
 */
export async function differencesFromTraining(
  adapter: string,
  model: PretrainedModel | PeftModel,
): Promise<readonly string[]> {
  const run = await runBeside(adapter)
  if (run === undefined) return []
  const { nameOrPath } = model.loaded
  const [base, tokenizer] = [hashesIn(run.base), hashesIn(run.tokenizer)]
  const [baseNow, tokenizerNow] = [await baseHashes(model.loaded.files), await tokenizerHashes(model)]
  // Weights of the hub's cache and of a folder are hashed in two ways: only what was hashed in the same way can be told.
  const ofBase = differing(base, baseNow).filter((name) => base[name] !== undefined && baseNow[name] !== undefined)
  const ofTokenizer = Object.keys(tokenizer).length === 0 ? [] : differing(tokenizer, tokenizerNow)
  return [
    ...(ofBase.length === 0 ? [] : [sentence(`the model ${nameOrPath ?? ''}`.trim(), ofBase)]),
    ...(ofTokenizer.length === 0 ? [] : [sentence('the tokenizer', ofTokenizer)]),
  ]
}

function sentence(what: string, names: readonly string[]): string {
  return `${what} is not what the adapter was trained with, and may answer otherwise: its run.json has other hashes of ${names.join(', ')}`
}

type Hashes = Readonly<Record<string, unknown>>

async function runBeside(adapter: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  const folders = checkpointStep(basename(adapter)) === undefined ? [adapter] : [adapter, dirname(adapter)]
  for (const folder of folders) {
    try {
      const run = JSON.parse(await readFile(join(folder, 'run.json'), 'utf8')) as unknown
      if (typeof run === 'object' && run !== null) return run as Readonly<Record<string, unknown>>
    } catch {
      // None, or none that can be read: nothing is known of what the adapter was trained on.
    }
  }
  return undefined
}

function hashesIn(area: unknown): Hashes {
  const { sha256 } = (area ?? {}) as { readonly sha256?: unknown }
  return typeof sha256 === 'object' && sha256 !== null ? (sha256 as Hashes) : {}
}

function differing(before: Hashes, now: Hashes): readonly string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(now)])].filter((name) => now[name] !== before[name])
}
