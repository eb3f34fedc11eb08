/** What `train` says on stderr: before the run, during it, and where its values are not Python's. */
import { renderSupervision } from '@espalier/data'
import type { TrainingEvent } from '@espalier/trainer'
import { PeftModel } from '../model/peft-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import type { Preflight } from '../training/preflight.js'
import { optionsOf } from './options.js'
import { bytes, clock, type Progress } from './terminal.js'
import type { Values } from './values.js'

/** What a run will take, in words. */
export function preflightLines(plan: Preflight, model: PretrainedModel | PeftModel): string[] {
  const { memory } = plan
  return [
    ...renderSupervision(plan.supervision).map(shortened),
    model instanceof PeftModel
      ? model.printTrainableParameters()
      : `training all ${plan.trainableParameters.toLocaleString('en-US')} parameters`,
    `memory expected: ${bytes(memory.total)} = weights ${bytes(memory.weights)} + adapter and optimizer ${bytes(memory.adapterAndOptimizer)} + activations ${bytes(memory.activations)}`,
    `  less of each: weights: ${memory.advice.weights}; adapter and optimizer: ${memory.advice.adapterAndOptimizer}; activations: --tokens-per-micro-batch or --max-length`,
    `${plan.totalSteps} steps, ${plan.stepsPerEpoch} an epoch; ${plan.shapes.length} batch shapes`,
    ...plan.warnings.map((warning) => `warning: ${warning}`),
  ]
}

const LONGEST_LINE = 1200 // characters of an example

function shortened(line: string): string {
  if (line.length <= LONGEST_LINE) return line
  const half = LONGEST_LINE / 2
  return `${line.slice(0, half)} [... ${line.length - LONGEST_LINE} characters ...] ${line.slice(-half)}`
}

/** Shows an event. */
export function show(event: TrainingEvent, progress: Progress): void {
  if (event.type === 'step') {
    const done = Math.round((20 * event.step) / event.totalSteps)
    progress.update(
      `[${'█'.repeat(done)}${'·'.repeat(20 - done)}] step ${event.step}/${event.totalSteps} epoch ${event.epoch.toFixed(2)} loss ${event.loss.toFixed(4)} ${event.tokensPerSecond.toFixed(0)} tokens/s ${bytes(event.peakMemoryBytes)} ETA ${clock(event.etaSeconds)}`,
      event.step === 1,
    )
  } else if (event.type === 'evaluate')
    progress.line(
      `step ${event.step}: evaluation loss ${event.evalLoss.toFixed(4)}, perplexity ${event.perplexity.toFixed(2)}${event.best ? ', the best so far' : ''}`,
    )
  else if (event.type === 'save') progress.line(`step ${event.step}: saved ${event.path ?? ''}`)
  else if (event.type === 'warning') progress.line(`warning: ${event.message}`)
  else if (event.type === 'end')
    progress.line(
      `${event.reason}: ${event.globalStep} steps in ${clock(event.seconds)}, mean loss ${event.trainingLoss.toFixed(4)}`,
    )
}

/** Values in force that differ from what Python would take, with the reason. */
export function differences(values: Values): string[] {
  const given = values.given()
  return optionsOf('train').flatMap(({ name, python, default: standard }) => {
    if (python === undefined || given[name.replaceAll('-', '_')] !== undefined) return []
    return [`${name.replaceAll('-', '_')} ${standard} (Python: ${python.value}): ${python.why}`]
  })
}

/** Every default of `train`, by snake_case name. */
export function defaultsOf(): Record<string, string | number | boolean> {
  return Object.fromEntries(
    optionsOf('train').flatMap(({ name, type, default: standard, planned }) => {
      if (standard === undefined || planned !== undefined) return []
      const value =
        type === 'number' || type === 'whole' ? Number(standard) : type === 'boolean' ? standard === 'true' : standard
      return [[name.replaceAll('-', '_'), value]]
    }),
  )
}
