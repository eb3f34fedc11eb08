/** Options that have a meaning for some heads alone. */
import type { TaskType } from '@espalier/core'
import { answerOptions } from './answer-options.js'
import { UsageError } from './failure.js'
import { textOptions } from './row-options.js'
import type { Values } from './values.js'

/** The options that mean nothing for a head, or whose default is another one's. */
export function meaningless(task: TaskType): readonly string[] {
  return [
    ...(task === 'CAUSAL_LM' ? [] : [...textOptions, 'max-length']),
    ...(task === 'QUESTION_ANS' ? [] : answerOptions.map(({ name }) => name)),
    ...(task === 'SEQ_CLS' || task === 'TOKEN_CLS' ? [] : ['num-labels']),
  ]
}

/** Refuses options that were given for another head. Throws UsageError. */
export function checkHeadOptions(values: Values, task: TaskType): void {
  const given = values.given()
  const isOn = (name: string) => (given[name.replaceAll('-', '_')] ?? false) !== false
  const found = meaningless(task).find((name) => name !== 'max-length' && isOn(name))
  if (found === undefined) return
  throw new UsageError(
    `--${found} has no meaning for ${task}, which this run trains`,
    'Leave it out, or give another --task-type',
  )
}
