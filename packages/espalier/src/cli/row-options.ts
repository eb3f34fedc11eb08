/** Options of the rows of a run: their order, what of them counts, and how they share rows. */
import type { PackingStrategy } from '@espalier/data'
import { flag, type Option } from './option.js'

const TRAIN = ['train']

/** Those that have a meaning where SFTTrainer trains alone. */
export const textOptions: readonly string[] = ['completion-only-loss', 'packing', 'packing-strategy', 'eval-packing']

/** The options. */
export const rowOptions: readonly Option[] = [
  flag('no-shuffle', 'boolean', TRAIN, 'rows in the order of the file'),
  flag('completion-only-loss', 'boolean', TRAIN, 'trains on completions only; by default where rows have a prompt'),
  flag('packing', 'boolean', TRAIN, 'several rows in one of --max-length tokens: less padding, fewer steps', {
    default: 'false',
  }),
  flag('packing-strategy', 'text', TRAIN, 'how rows are packed; bfd: best fit, and longer rows lose their end', {
    default: 'bfd',
    choices: ['bfd', 'ffd', 'bfd_split', 'wrapped'] satisfies readonly PackingStrategy[],
  }),
  flag('eval-packing', 'boolean', TRAIN, 'packs the rows to evaluate on; default: as --packing'),
]
