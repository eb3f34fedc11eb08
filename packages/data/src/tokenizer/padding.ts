/** Filling encodings up to one length. */
import { EspalierError } from '@espalier/core'

/** Ids, mask and token types of one input. */
export interface Encoding {
  readonly inputIds: number[]
  /** 1 for a token, 0 for padding. */
  readonly attentionMask: number[]
  /** 0 for the first text, 1 for the second, as the tokenizer's template says. */
  readonly tokenTypeIds: number[]
  /** 1 for special tokens that the template added and for padding. */
  readonly specialTokensMask: number[]
  /** Ids that truncation took away. */
  readonly numTruncatedTokens: number
}

/** How to fill up: `true` and "longest" to the longest of the batch, "max_length" to maxLength. */
export type PaddingStrategy = boolean | 'longest' | 'max_length'

/** Settings of padding, all resolved. */
export interface PaddingSettings {
  readonly strategy: PaddingStrategy
  readonly maxLength: number | undefined
  readonly multipleOf: number | undefined
  readonly side: 'left' | 'right'
  readonly padId: number | undefined
  readonly padTypeId: number
}

/** The encodings, filled up. Throws tokenizer.special when there is no pad token, config.value for "max_length" without a length. */
export function padEncodings(encodings: readonly Encoding[], settings: PaddingSettings): Encoding[] {
  if (settings.strategy === false) return [...encodings]
  const { padId, padTypeId, side } = settings
  if (padId === undefined) {
    throw new EspalierError('tokenizer.special', {
      what: 'padding needs a pad token and the tokenizer has none',
      fix: 'Set pad_token in tokenizer_config.json, or do not pad.',
    })
  }
  const length = paddedLength(encodings, settings)
  const fill = (values: readonly number[], value: number) => {
    const padding = new Array<number>(Math.max(0, length - values.length)).fill(value)
    return side === 'right' ? [...values, ...padding] : [...padding, ...values]
  }
  return encodings.map((encoding) => ({
    inputIds: fill(encoding.inputIds, padId),
    attentionMask: fill(encoding.attentionMask, 0),
    tokenTypeIds: fill(encoding.tokenTypeIds, padTypeId),
    specialTokensMask: fill(encoding.specialTokensMask, 1),
    numTruncatedTokens: encoding.numTruncatedTokens,
  }))
}

function paddedLength(encodings: readonly Encoding[], settings: PaddingSettings): number {
  let length = 0
  if (settings.strategy === 'max_length') {
    if (settings.maxLength === undefined || !Number.isFinite(settings.maxLength)) {
      throw new EspalierError('config.value', {
        what: 'padding "max_length" needs a maxLength',
        got: { maxLength: settings.maxLength },
        fix: 'Pass maxLength, or use padding "longest".',
      })
    }
    length = settings.maxLength
  } else for (const { inputIds } of encodings) length = Math.max(length, inputIds.length)
  const multiple = settings.multipleOf ?? 1
  return Math.ceil(length / multiple) * multiple
}
