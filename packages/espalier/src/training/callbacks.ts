/** Callbacks as transformers has them, on top of a run's events: for people who bring some along. */
import type { EvaluateEvent, StepEvent, TrainingEvent, TrainingRun } from '@espalier/trainer'
import type { TrainingArguments } from './training-arguments.js'

/** Where a run is. */
export interface TrainerState {
  readonly globalStep: number
  readonly maxSteps: number
  readonly epoch: number
}

/** What a callback may ask for by setting it to true; each request is carried out after the step. */
export interface TrainerControl {
  shouldTrainingStop: boolean
  shouldSave: boolean
  shouldEvaluate: boolean
  shouldLog: boolean
}

type Callback<Values extends unknown[] = []> = (
  args: TrainingArguments,
  state: TrainerState,
  control: TrainerControl,
  ...values: Values
) => void

/** Functions that are called as a run goes on. All may be left out. */
export interface TrainerCallback {
  readonly onTrainBegin?: Callback
  readonly onStepEnd?: Callback
  /** Every `loggingSteps` steps, and when asked for. */
  readonly onLog?: Callback<[logs: StepEvent]>
  readonly onEvaluate?: Callback<[metrics: EvaluateEvent]>
  readonly onSave?: Callback
  readonly onTrainEnd?: Callback
}

/** A listener of a run's events that calls callbacks and carries out what they ask for. */
export function callbackListener(
  callbacks: readonly TrainerCallback[],
  args: TrainingArguments,
  run: () => TrainingRun,
): (event: TrainingEvent) => void {
  let state: TrainerState = { globalStep: 0, maxSteps: 0, epoch: 0 }
  const control: TrainerControl = {
    shouldTrainingStop: false,
    shouldSave: false,
    shouldEvaluate: false,
    shouldLog: false,
  }
  return (event) => {
    if (event.type === 'start') state = { ...state, maxSteps: event.totalSteps }
    if (event.type === 'step') state = { ...state, globalStep: event.step, epoch: event.epoch }
    for (const callback of callbacks) tell(callback, event)
    if (event.type === 'step' && (control.shouldLog || event.step % (args.loggingSteps ?? 1) === 0))
      for (const callback of callbacks) callback.onLog?.(args, state, control, event)
    carryOut()
  }

  function tell(callback: TrainerCallback, event: TrainingEvent): void {
    if (event.type === 'start') callback.onTrainBegin?.(args, state, control)
    if (event.type === 'step') callback.onStepEnd?.(args, state, control)
    if (event.type === 'evaluate') callback.onEvaluate?.(args, state, control, event)
    if (event.type === 'save') callback.onSave?.(args, state, control)
    if (event.type === 'end') callback.onTrainEnd?.(args, state, control)
  }

  function carryOut(): void {
    if (control.shouldTrainingStop) run().stop()
    if (control.shouldSave) run().requestSave()
    if (control.shouldEvaluate) run().requestEvaluation()
    Object.assign(control, { shouldSave: false, shouldEvaluate: false, shouldLog: false })
  }
}
