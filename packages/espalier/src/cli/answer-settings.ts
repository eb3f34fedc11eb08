/** How answers are found and chosen, by the options that are given. */
import type { QuestionAnsweringOptions } from '../training/answers-task.js'
import { defined, type Values } from './values.js'

/** What is given; the rest is as by default. */
export function answerSettings(values: Values): QuestionAnsweringOptions {
  return defined({
    docStride: values.number('doc-stride'),
    nBestSize: values.number('n-best-size'),
    maxAnswerLength: values.number('max-answer-length'),
    version2WithNegative: values.flag('version-2-with-negative'),
    nullScoreDiffThreshold: values.number('null-score-diff-threshold'),
  })
}
