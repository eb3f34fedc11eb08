/** Callbacks as transformers has them, on top of a run's events: for people who bring some along. */
import { fromFileConfig } from '@espalier/core'
import type {
  EndEvent,
  EvaluateEvent,
  EvaluationMoment,
  RunMoment,
  StepEvent,
  TrainingEvent,
  TrainingRun,
} from '@espalier/trainer'
import type { LogLine } from '../run-folder/run-files.js'
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

/** What a callback keeps from run to run, as transformers' `ExportableState` writes it: snake_case names and plain values. */
export interface CallbackState {
  /** What it was made with. */
  readonly args: Readonly<Record<string, unknown>>
  /** What it counted since. */
  readonly attributes: Readonly<Record<string, unknown>>
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
  /** The name of its state in checkpoints, transformers' for its own callbacks. Default: that of its class. */
  readonly stateName?: string
  /** What a checkpoint keeps of it. */
  readonly state?: () => CallbackState
  /** Takes the state over that a checkpoint kept, before the run goes on; what it was made with stays. */
  readonly restore?: (state: CallbackState) => void
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
  private earlier: readonly TrainingLog[] = []

  constructor(
    private readonly callbacks: readonly TrainerCallback[],
    private readonly args: TrainingArguments,
  ) {}

  /** Where the latest run is. */
  get current(): TrainerState {
    return this.state
  }

  /** What callbacks ask for from now on is asked of this run. earlier: what it goes on from. */
  attach(run: TrainingRun, earlier?: EarlierRun): void {
    this.run = run
    this.control.shouldTrainingStop = false
    this.earlier = earlier?.log.map(logOf) ?? []
    for (const [name, callbacks] of this.stateful()) {
      const known = [earlier?.callbacks[name] ?? []].flat() as readonly CallbackState[]
      for (const [i, callback] of callbacks.entries()) if (known[i] !== undefined) callback.restore?.(known[i])
    }
  }

  /** What callbacks keep, by their names; a list where several have one name, as transformers writes it. */
  states(): Readonly<Record<string, object>> {
    return Object.fromEntries(
      [...this.stateful()].map(([name, callbacks]) => {
        const states = callbacks.flatMap((callback) => callback.state?.() ?? [])
        return [name, states.length === 1 ? (states[0] as object) : states]
      }),
    )
  }

  private stateful(): ReadonlyMap<string, readonly TrainerCallback[]> {
    const named = new Map<string, TrainerCallback[]>()
    for (const callback of this.callbacks) {
      const name = callback.stateName ?? callback.constructor.name
      if (callback.state !== undefined) named.set(name, [...(named.get(name) ?? []), callback])
    }
    return named
  }

  async onEvent(event: TrainingEvent): Promise<void> {
    const { args, control } = this
    if (event.type === 'start') {
      this.history = [...this.earlier]
      const { step: globalStep, epoch, totalSteps: maxSteps } = event
      this.state = { globalStep, epoch, maxSteps, logHistory: this.history }
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

/** What a run that goes on has told before. */
interface EarlierRun {
  readonly log: readonly LogLine[]
  readonly callbacks: Readonly<Record<string, object>>
}

/** An entry from a line of log.jsonl. */
function logOf(line: LogLine): TrainingLog {
  const { step = 0, epoch = 0 } = line
  if (line.eval_loss === undefined) return { ...fromFileConfig(line), type: 'step', step, epoch }
  const { eval_loss: evalLoss, eval_perplexity: perplexity = 0, eval_runtime: seconds = 0, ...others } = line
  const metrics = Object.fromEntries(
    Object.entries(others).flatMap(([name, value]) => (name.startsWith('eval_') ? [[name.slice(5), value]] : [])),
  )
  return { type: 'evaluate', step, epoch, evalLoss, perplexity, metrics, seconds }
}

/** The progress that a moment tells. */
export function progressOf({ tokens, totalTokens = 0 }: EvaluationMoment): EvaluationProgress {
  return { tokens, totalTokens: Math.max(tokens, totalTokens) }
}
