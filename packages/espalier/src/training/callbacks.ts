/** Callbacks as transformers has them, on top of a run's events: for people who bring some along. */
import type {
  EndEvent,
  EvaluateEvent,
  EvaluationMoment,
  RunMoment,
  StepEvent,
  TrainingEvent,
  TrainingRun,
} from '@espalier/trainer'
import type { TrainingArguments } from './training-arguments.js'

/** Fields that an event has and others have not. */
type FieldsOf<Event> = Partial<Omit<Event, 'type' | 'step' | 'epoch'>>

/** An entry of the log, as transformers keeps it: the fields of a step's event (`loss`), of an evaluation's (`evalLoss`), or of the end's (`trainingLoss`). */
export interface TrainingLog extends FieldsOf<StepEvent>, FieldsOf<EvaluateEvent>, FieldsOf<EndEvent> {
  readonly type: 'step' | 'evaluate' | 'end'
  readonly step: number
  readonly epoch: number
}

/** Where a run is, and what it logged. */
export interface TrainerState {
  readonly globalStep: number
  readonly maxSteps: number
  readonly epoch: number
  /** What `onLog` was told in this run and since. */
  readonly logHistory: readonly TrainingLog[]
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
 * onStepBegin, onStepEnd, onLog, then onLog, onEvaluate and onSave where they are due; onEpochEnd, and what is due at the end of epochs;
 * onLog and onTrainEnd. The run waits for those that return a promise. All may be left out. A trainer refuses another name that begins
 * with `on`, which nobody would call.
 */
export interface TrainerCallback {
  readonly onTrainBegin?: Callback
  readonly onEpochBegin?: Callback
  readonly onStepBegin?: Callback
  readonly onStepEnd?: Callback
  /** Every `loggingSteps` steps and when asked for, before each `onEvaluate`, and at the end. */
  readonly onLog?: Callback<[logs: TrainingLog]>
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
  private history: TrainingLog[] = []
  private state: TrainerState = { globalStep: 0, maxSteps: 0, epoch: 0, logHistory: this.history }
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
    if (event.type === 'start') {
      this.history = []
      this.state = { globalStep: 0, epoch: 0, maxSteps: event.totalSteps, logHistory: this.history }
    }
    if (event.type === 'step') this.state = { ...this.state, globalStep: event.step, epoch: event.epoch }
    if (event.type === 'evaluate' || event.type === 'end') await this.log(event)
    const { state } = this
    for (const callback of this.callbacks) {
      if (event.type === 'start') await callback.onTrainBegin?.(args, state, control)
      if (event.type === 'step') await callback.onStepEnd?.(args, state, control)
      if (event.type === 'evaluate') await callback.onEvaluate?.(args, state, control, event)
      if (event.type === 'save') await callback.onSave?.(args, state, control)
      if (event.type === 'end') await callback.onTrainEnd?.(args, state, control)
    }
    if (event.type === 'step' && (control.shouldLog || event.step % (args.loggingSteps ?? 1) === 0))
      await this.log(event)
    if (event.type === 'step') control.shouldLog = false
    this.carryOut()
  }

  private async log(event: StepEvent | EvaluateEvent | EndEvent): Promise<void> {
    const { globalStep: step, epoch } = this.state
    const logs: TrainingLog = { ...event, step, epoch }
    this.history.push(logs)
    for (const callback of this.callbacks) await callback.onLog?.(this.args, this.state, this.control, logs)
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
    Object.assign(control, { shouldSave: false, shouldEvaluate: false })
  }
}

/** The progress that a moment tells. */
export function progressOf({ tokens, totalTokens = 0 }: EvaluationMoment): EvaluationProgress {
  return { tokens, totalTokens: Math.max(tokens, totalTokens) }
}
