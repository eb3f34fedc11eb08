/** The error for a head that a family does not have. */
import { type Architecture, EspalierError, type TaskType } from '@espalier/core'

/** model.unsupported, naming the tasks that the family has. */
export function unsupportedTask({ modelType, tasks }: Architecture, task: TaskType): EspalierError {
  return new EspalierError('model.unsupported', {
    what: 'this architecture has no head for the task',
    got: { modelType, task, tasks },
    fix: 'Choose a task from that list.',
  })
}
