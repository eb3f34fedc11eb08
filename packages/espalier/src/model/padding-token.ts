/** The id that fills up rows. It stands behind the mask, so that any id of the model serves; a tokenizer's may be none. */
import type { Tokenizer } from '@espalier/data'

/** The tokenizer's id for padding, or else for the end, or 0: the first that the model's embedding has. vocabularySize: its rows. */
export function paddingToken(
  { padTokenId, eosTokenId }: Pick<Tokenizer, 'padTokenId' | 'eosTokenId'>,
  vocabularySize: number,
): number {
  return [padTokenId, eosTokenId].find((id) => id !== undefined && id < vocabularySize) ?? 0
}
