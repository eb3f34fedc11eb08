/** Callbacks as transformers has them, on top of a run's events: for people who bring some along. */
import type {
  EvaluateEvent,
  EvaluationMoment,
  RunMoment,
  StepEvent,
  TrainingEvent,
  TrainingRun,
} from '@espalier/trainer'
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
) => void | Promise<void>

/** How far an evaluation is, in tokens without padding. */
export interface EvaluationProgress {
  readonly tokens: number
  readonly totalTokens: number
}

/**
 * Functions that are called as a run goes on, in transformers' order: onTrainBegin; in each epoch onEpochBegin, then for each step
 * onStepBegin, onStepEnd, onLog, onEvaluate, onSave; onEpochEnd, and what is due at the end of epochs; onTrainEnd. The run waits for
 * those that return a promise. All may be left out.
 */
export interface TrainerCallback {
  readonly onTrainBegin?: Callback
  readonly onEpochBegin?: Callback
  readonly onStepBegin?: Callback
  readonly onStepEnd?: Callback
  /** Every `loggingSteps` steps, and when asked for. */
  readonly onLog?: Callback<[logs: StepEvent]>
  /** After each batch of an evaluation. */
  readonly onPredictionStep?: Callback<[progress: EvaluationProgress]>
  /** After each evaluation, that of `trainer.evaluate()` too. */
  readonly onEvaluate?: Callback<[metrics: EvaluateEvent]>
  readonly onSave?: Callback
  /** After the last step of an epoch, and after the last of the run. */
  readonly onEpochEnd?: Callback
  readonly onTrainEnd?: Callback
}

const MOMENTS = { 'epoch-begin': 'onEpochBegin', 'step-begin': 'onStepBegin', 'epoch-end': 'onEpochEnd' } as const

/** Calls callbacks one after the other, and carries out what they ask for. */
export class CallbackHandler {
  private state: TrainerState = { globalStep: 0, maxSteps: 0, epoch: 0 }
  private readonly control: TrainerControl = {
    shouldTrainingStop: false,
    shouldSave: false,
    shouldEvaluate: false,
    shouldLog: false,
  }
  private run: TrainingRun | undefined

  constructor(
    private readonly callbacks: readonly TrainerCallback[],
    private readonly args: TrainingArguments,
  ) {}

  /** Where the latest run is. */
  get current(): TrainerState {
    return this.state
  }

  /** What callbacks ask for from now on is asked of this run. */
  attach(run: TrainingRun): void {
    this.run = run
    this.control.shouldTrainingStop = false
  }

  async onEvent(event: TrainingEvent): Promise<void> {
    const { args, control } = this
    if (event.type === 'start') this.state = { globalStep: 0, epoch: 0, maxSteps: event.totalSteps }
    if (event.type === 'step') this.state = { ...this.state, globalStep: event.step, epoch: event.epoch }
    const { state } = this
    for (const callback of this.callbacks) {
      if (event.type === 'start') await callback.onTrainBegin?.(args, state, control)
      if (event.type === 'step') await callback.onStepEnd?.(args, state, control)
      if (event.type === 'evaluate') await callback.onEvaluate?.(args, state, control, event)
      if (event.type === 'save') await callback.onSave?.(args, state, control)
      if (event.type === 'end') await callback.onTrainEnd?.(args, state, control)
    }
    if (event.type === 'step' && (control.shouldLog || event.step % (args.loggingSteps ?? 1) === 0))
      for (const callback of this.callbacks) await callback.onLog?.(args, state, control, event)
    this.carryOut()
  }

  async onMoment(moment: RunMoment): Promise<void> {
    const { args, state, control } = this
    for (const callback of this.callbacks) {
      if (moment.type === 'prediction-step') await callback.onPredictionStep?.(args, state, control, progressOf(moment))
      else await callback[MOMENTS[moment.type]]?.(args, state, control)
    }
    this.carryOut()
  }

  private carryOut(): void {
    const { control, run } = this
    if (control.shouldTrainingStop) run?.stop()
    if (control.shouldSave) run?.requestSave()
    if (control.shouldEvaluate) run?.requestEvaluation()
    Object.assign(control, { shouldSave: false, shouldEvaluate: false, shouldLog: false })
  }
}

/** The progress that a moment tells. */
export function progressOf({ tokens, totalTokens = 0 }: EvaluationMoment): EvaluationProgress {
  return { tokens, totalTokens: Math.max(tokens, totalTokens) }
}
