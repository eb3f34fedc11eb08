/** How answers are found and chosen, by the options that run_qa has too. */
import type { QuestionAnsweringOptions } from '../training/answers-task.js'
import { defined, type Values } from './values.js'

/** The options that are given. */
export function answerOptions(values: Values): QuestionAnsweringOptions {
  return defined({
    docStride: values.number('doc-stride'),
    nBestSize: values.number('n-best-size'),
    maxAnswerLength: values.number('max-answer-length'),
    version2WithNegative: values.flag('version-2-with-negative'),
    nullScoreDiffThreshold: values.number('null-score-diff-threshold'),
  })
}
