/**
 * Tokenizer classes whose pipeline transformers 5 builds itself, whatever tokenizer.json says: it takes only vocabulary, merges and
 * post-processor from the file. SmolLM2 is one: its file splits digits first, its class does not, and two spaces before a number come out
 * as other tokens. Training on the ids that Python trains and serves with is worth more here than the file's own word.
 */
import type { JsonObject } from './json-value.js'

/** The entries of tokenizer.json that the class replaces; none for classes that use the file. Source: transformers 5.18, tokenization_gpt2.py and tokenization_llama.py. */
export function classPipeline(config: JsonObject, model: unknown): JsonObject {
  const { tokenizer_class: name } = config
  // The class is built for BPE; with another model in the file transformers would fail, so the file is used.
  if (typeof name !== 'string' || (model as { type?: unknown } | undefined)?.type !== 'BPE') return {}
  const base = name.replace(/Fast$/, '')
  if (base === 'GPT2Tokenizer') return gpt2Pipeline(config)
  return base === 'LlamaTokenizer' ? llamaPipeline(config) : {}
}

function gpt2Pipeline(config: JsonObject): JsonObject {
  const byteLevel = { type: 'ByteLevel', trim_offsets: true, use_regex: true }
  return {
    normalizer: null,
    pre_tokenizer: { ...byteLevel, add_prefix_space: config.add_prefix_space === true },
    decoder: { ...byteLevel, add_prefix_space: true },
  }
}

function llamaPipeline(config: JsonObject): JsonObject {
  const addsSpace = config.add_prefix_space !== false
  const scheme = config.legacy === true ? 'always' : 'first'
  const replacement = '▁'
  return {
    normalizer: null,
    pre_tokenizer: {
      type: 'Metaspace',
      replacement,
      add_prefix_space: addsSpace,
      prepend_scheme: addsSpace ? scheme : 'never',
      split: false,
    },
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: replacement }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...(addsSpace ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
      ],
    },
  }
}
