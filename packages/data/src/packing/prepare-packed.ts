/** A data set to packed rows: tokenized as TRL does it before it packs. */
import type { Examples } from '../collate/data-collator.js'
import type { Dataset } from '../dataset/dataset.js'
import { prepareSft, type SftData, type SftOptions } from '../sft/prepare.js'
import type { Tokenizer } from '../tokenizer/tokenizer.js'
import { PACKED_TOGETHER, type PackingOptions } from './pack-sequences.js'
import { type PackedExample, packExamples } from './packed-examples.js'

/** Packed rows of a data set; the report is of its own rows, and says what became of them. */
export interface PackedData extends Examples<PackedExample>, Pick<SftData, 'shape' | 'report'> {}

const TRL_REPEATS =
  `every row is packed once; TRL 1.13 packs its first ${PACKED_TOGETHER.toLocaleString('en-US')} rows again in place of the others ` +
  'where packingStrategy is wrapped'

/**
 * Tokenizes a data set and packs its rows. Longer rows lose their end (`bfd`, `ffd`) or go on in another row (`bfd_split`, `wrapped`); none
 * is dropped, and `truncationMode` is not read, as in TRL. Throws what `prepareSft` throws, and config.value.
 */
export async function preparePacked(
  dataset: Dataset<object>,
  tokenizer: Tokenizer,
  options: Omit<SftOptions, 'maxLength' | 'truncationMode'>,
  packing: PackingOptions,
): Promise<PackedData> {
  const { maxLength, strategy = 'bfd' } = packing
  const cuts = strategy === 'bfd' || strategy === 'ffd'
  const rows = { keepUnsupervised: true, maxLength: cuts ? maxLength : null, truncationMode: 'keep_start' } as const
  const data = await prepareSft(dataset, tokenizer, { ...options, ...rows })
  const packed = await packExamples(data, packing)
  const differs = strategy === 'wrapped' && data.length > PACKED_TOGETHER
  return {
    ...packed,
    ...(differs ? { warnings: [...(packed.warnings ?? []), TRL_REPEATS] } : {}),
    shape: data.shape,
    report: { ...data.report, packing: { strategy, maxLength, rows: packed.length } },
  }
}
