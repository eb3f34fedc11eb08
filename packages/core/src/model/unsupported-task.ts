/** The error for a head that an architecture does not have. */
import { EspalierError } from '../errors.js'
import type { Architecture } from './architecture.js'
import type { TaskType } from './model.js'

/** model.unsupported, naming the tasks that the architecture has a head for, and what does instead of the one that it lacks. */
export function unsupportedTask({ modelType, tasks, absentHeads }: Architecture, task: TaskType): EspalierError {
  return new EspalierError('model.unsupported', {
    what: 'this architecture has no head for the task',
    got: { modelType, task, tasks },
    fix: absentHeads?.[task] ?? 'Choose a task from that list.',
  })
}
