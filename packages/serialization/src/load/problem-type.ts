/** What the labels of a sequence classification head are: transformers' `problem_type`. */
import { EspalierError, type TaskType } from '@espalier/core'

/** Numbers to learn, one label of several, or labels that may hold at once. */
export type ProblemType = 'regression' | 'single_label_classification' | 'multi_label_classification'

const known: readonly ProblemType[] = ['regression', 'single_label_classification', 'multi_label_classification']

/** The problem that a configuration names; undefined where it names none. Throws config.unsupported for one that is none. */
export function problemTypeOf({ problem_type: named }: Readonly<Record<string, unknown>>): ProblemType | undefined {
  if (named == null) return undefined
  const found = known.find((type) => type === named)
  if (found !== undefined) return found
  throw new EspalierError('config.unsupported', {
    what: 'this kind of problem is none',
    got: { problem_type: named, known },
    fix: 'Use one of those in problemType, or correct problem_type in config.json',
  })
}

/** config.json with the problem that was asked for. Throws config.value for another head's, config.unsupported for a kind that is none. */
export function withProblemType(
  config: Readonly<Record<string, unknown>>,
  problemType: ProblemType | undefined,
  task: TaskType,
): Readonly<Record<string, unknown>> {
  if (problemType === undefined) return config
  problemTypeOf({ problem_type: problemType })
  if (task === 'SEQ_CLS') return { ...config, problem_type: problemType }
  throw new EspalierError('config.value', {
    what: 'only a head for whole texts has a kind of problem',
    got: { problemType, task },
    fix: 'Leave problemType out',
  })
}
