/** Options of how answers are found and chosen: those of run_qa. */
import { flag, type Option } from './option.js'

const ROWS = ['train', 'eval', 'predict']
const FROM_ZERO = { least: 0 }

/** The options. */
export const answerOptions: readonly Option[] = [
  flag('doc-stride', 'whole', ROWS, 'of answers: tokens that the windows of a long context have in common', {
    range: FROM_ZERO,
    default: '128',
  }),
  flag('n-best-size', 'whole', ROWS, 'of answers: candidates that are looked at', { default: '20' }),
  flag('max-answer-length', 'whole', ROWS, 'of answers: most tokens', { default: '30' }),
  flag(
    'version-2-with-negative',
    'boolean',
    ROWS,
    'of answers: a context may have none; train and eval see it by their rows',
  ),
  flag(
    'null-score-diff-threshold',
    'number',
    ROWS,
    'of answers: there is none where its score is higher than the best answer’s by more than this',
    { range: {}, default: '0' },
  ),
]
