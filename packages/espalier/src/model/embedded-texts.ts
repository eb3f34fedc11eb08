/** From texts to vectors: the last hidden states of a model without a head, taken together to one vector for each text. */
import { EspalierError } from '@espalier/core'
import type { TextInput } from '@espalier/data'
import { encodeRows } from '@espalier/models'
import type { Pooling, PredictContext, PredictOptions } from './predict-options.js'

/** A text, or two that belong together, to be a vector. */
export interface EmbeddingInput {
  readonly text: TextInput
}

/** A text's vector. */
export interface Embedding {
  /** As many numbers as the model's hidden states have. */
  readonly embedding: Float32Array
}

const poolings: readonly Pooling[] = ['mean', 'cls', 'last']

/** The vectors, in order; longer texts than the model reads are cut. Padding does not count, special tokens do. Throws config.value for what is no text, model.unsupported for a model with a head or a decoder beside its encoder, or the signal's reason. */
export async function embedTexts(
  { model, source, tokenizer }: PredictContext,
  inputs: readonly EmbeddingInput[],
  { maxLength = model.sizes.maxPositions ?? undefined, pooling = 'mean', signal }: PredictOptions,
): Promise<Embedding[]> {
  if (!poolings.includes(pooling))
    throw new EspalierError('config.value', { what: `pooling is one of ${poolings.join(', ')}`, got: { pooling } })
  const own = await tokenizer()
  const rows = inputs.map(({ text }) => {
    requireText(text)
    const encoded = own.encode(text, maxLength === undefined ? {} : { truncation: true, maxLength })
    const { inputIds, attentionMask, tokenTypeIds } = encoded
    return { inputIds, attentionMask, ...(own.givesTokenTypes ? { tokenTypeIds } : {}) }
  })
  const states = await encodeRows(await source(), rows, { signal })
  return states.map((row, i) => ({ embedding: pooled(row, rows[i]?.inputIds.length as number, pooling) }))
}

// states: (tokens, size), without padding.
function pooled(states: Float32Array, tokens: number, pooling: Pooling): Float32Array {
  const size = states.length / tokens
  if (pooling !== 'mean') {
    const at = pooling === 'cls' ? 0 : tokens - 1
    return states.slice(at * size, (at + 1) * size)
  }
  return Float32Array.from({ length: size }, (_, i) => {
    let sum = 0
    for (let token = 0; token < tokens; token++) sum += states[token * size + i] as number
    return sum / tokens
  })
}

function requireText(text: unknown): void {
  const isText = (one: unknown) => typeof one === 'string'
  if (isText(text) || (Array.isArray(text) && text.length === 2 && text.every(isText))) return
  throw new EspalierError('config.value', {
    what: 'there is no text to make a vector of',
    got: { text: text === null ? 'null' : typeof text },
    fix: 'Give { text }, a text or two',
  })
}
