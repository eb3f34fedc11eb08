/** From texts with masked tokens to what may stand in their place: transformers' fill-mask pipeline. */
import { EspalierError } from '@espalier/core'
import { fillMasks } from '@espalier/models'
import type { PredictContext, PredictOptions } from './predict-options.js'

/** A text with the tokenizer's mask token in it, once or more. */
export interface MaskedInput {
  readonly masked: string
}

/** A token that may stand in a mask's place. */
export interface MaskCandidate {
  readonly token: number
  readonly tokenStr: string
  /** Its probability. */
  readonly score: number
  /** The text with it, without special tokens; where there are several masks, the others stay. */
  readonly sequence: string
}

const TOP_K = 5 // transformers

/** For each text, in order, the likeliest tokens of each of its masks. Throws config.value for a text without one, config.unsupported for a tokenizer that has none, model.unsupported for another head, or the signal's reason. */
export async function fillTexts(
  { model, source, tokenizer }: PredictContext,
  inputs: readonly MaskedInput[],
  { maxLength = model.sizes.maxPositions ?? undefined, topK = TOP_K, signal }: PredictOptions,
): Promise<MaskCandidate[][][]> {
  const own = await tokenizer()
  const { maskTokenId } = own
  if (maskTokenId === undefined)
    throw new EspalierError('config.unsupported', {
      what: 'the tokenizer has no mask token',
      got: { mask_token: null },
      fix: 'Use a tokenizer with a mask token',
    })
  const rows = inputs.map(({ masked }, i) => {
    const { inputIds, attentionMask, tokenTypeIds } = own.encode(masked, {
      truncation: true,
      ...(maxLength === undefined ? {} : { maxLength }),
    })
    const places = inputIds.flatMap((id, place) => (id === maskTokenId ? [place] : []))
    if (places.length === 0)
      throw new EspalierError('config.value', {
        what: 'a text has no mask token in the part that the model reads',
        got: { input: i + 1, text: masked, mask_token: own.idToToken(maskTokenId) },
        fix: 'Write the mask token where a token is to be found',
      })
    return { inputIds, attentionMask, ...(own.givesTokenTypes ? { tokenTypeIds } : {}), places }
  })
  const found = await fillMasks(await source(), rows, { topK, signal })
  return found.map((masks, i) => {
    const { inputIds, places } = rows[i] as (typeof rows)[number]
    return masks.map((tokens, mask) =>
      tokens.map(({ token, score }) => ({
        token,
        tokenStr: own.decode([token]),
        score,
        sequence: own.decode(
          inputIds.map((id, place) => (place === places[mask] ? token : id)),
          { skipSpecialTokens: places.length === 1 },
        ),
      })),
    )
  })
}
