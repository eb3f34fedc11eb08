/** Tokenizers from wherever models are. */
import { Tokenizer } from '@espalier/data'
import { type HubOptions, type ModelFiles, openSource, readBytes, readText, type Source } from '@espalier/serialization'
import { settle } from '../platform/settle/node.js'
import { ggufSource } from './gguf-source.js'

/** Loads tokenizers by the files beside a model. */
export const AutoTokenizer = {
  /**
   * The tokenizer of a hub id, folder, GGUF file or other source: of tokenizer.json, or converted from vocab.txt, vocab.json with
   * merges.txt, or SentencePiece's model. Throws tokenizer.file, config.unsupported, file.missing, gguf.*, run.unsettled, hub.*, or the
   * signal's reason.
   */
  async fromPretrained(source: Source, options: HubOptions = {}): Promise<Tokenizer> {
    const from = (await ggufSource(source))?.files ?? source
    await settle(from, options)
    return loadTokenizer(await openSource(from, { ...options, groups: ['tokenizer', 'config'] }))
  },
}

/** The tokenizer in opened files. */
export function loadTokenizer(files: ModelFiles): Promise<Tokenizer> {
  return Tokenizer.fromFiles(async (name) => {
    if (!(await files.exists(name))) return undefined
    return name.endsWith('.model') ? readBytes(files, name) : readText(files, name)
  })
}
