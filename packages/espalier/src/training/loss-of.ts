/** The loss of a run: the task's or a function of the user's, with labels smoothed where the arguments ask for it. */
import { EspalierError, type LossFunction } from '@espalier/core'
import type { TrainingArguments } from './training-arguments.js'
import type { TrainingTask } from './training-task.js'

/** What a loss follows from. */
export interface LossToMake {
  readonly task: Pick<TrainingTask, 'loss' | 'smoothsLabels'>
  readonly computeLoss?: LossFunction | undefined
  readonly args: Pick<TrainingArguments, 'labelSmoothingFactor'>
}

/** The loss, to train and to evaluate with. Throws config.value where labels are to be smoothed and another loss was given, config.unsupported where the task has none to smooth. */
export function lossOf({ task, computeLoss, args }: LossToMake): LossFunction {
  const { labelSmoothingFactor: labelSmoothing = 0 } = args
  if (labelSmoothing === 0) return computeLoss ?? task.loss
  if (computeLoss !== undefined)
    throw new EspalierError('config.value', {
      what: 'computeLoss takes the place of the loss that would smooth labels',
      got: { labelSmoothingFactor: labelSmoothing },
      fix: 'Leave one of them out, or smooth labels in computeLoss',
    })
  if (task.smoothsLabels !== true)
    throw new EspalierError('config.unsupported', {
      what: 'the loss of this task smooths no labels',
      got: { labelSmoothingFactor: labelSmoothing },
      fix: 'Leave labelSmoothingFactor out',
    })
  return (model, inputs) => task.loss(model, inputs, { labelSmoothing })
}
