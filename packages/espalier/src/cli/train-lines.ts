/** What `train` says on stderr: before the run, during it, and where its values are not Python's. */
import { renderSupervision } from '@espalier/data'
import type { TrainingEvent } from '@espalier/trainer'
import { PeftModel } from '../model/peft-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import type { Recomputation } from '../training/fit-run.js'
import type { Preflight } from '../training/preflight.js'
import { asOptions } from './failure.js'
import { optionsOf } from './options.js'
import { bytes, clock, type Progress } from './terminal.js'
import type { Values } from './values.js'

/** What a run will take, in words. */
export function preflightLines(plan: Preflight, model: PretrainedModel | PeftModel): string[] {
  const { memory } = plan
  const { advice } = memory
  const isAdapter = model instanceof PeftModel
  const values = isAdapter ? 'adapter and optimizer' : 'parameters and optimizer'
  // When all parameters train, no frozen weights are held.
  const parts = [
    ...(memory.weights === 0
      ? []
      : [{ name: 'weights', size: memory.weights, less: 'a smaller model, --load-in-8bit or --load-in-4bit' }]),
    {
      name: values,
      size: memory.adapterAndOptimizer,
      less: isAdapter ? advice.adapterAndOptimizer : 'a smaller model, or an adapter',
    },
    {
      name: 'activations',
      size: memory.activations,
      less: '--gradient-checkpointing, --tokens-per-micro-batch or --max-length',
    },
  ]
  return [
    ...renderSupervision(plan.supervision).map(shortened),
    isAdapter
      ? model.printTrainableParameters()
      : `training all ${plan.trainableParameters.toLocaleString('en-US')} parameters`,
    `memory expected: about ${bytes(memory.total)} = ${parts.map(({ name, size }) => `${name} ${bytes(size)}`).join(' + ')} + this program ${bytes(memory.process)}`,
    `  less of each: ${parts.map(({ name, less }) => `${name}: ${less}`).join('; ')}`,
    ...(plan.recomputation === undefined ? [] : [recomputationLine(plan.recomputation)]),
    `${plan.totalSteps} steps, ${plan.stepsPerEpoch} an epoch; ${plan.shapes.length} batch shapes`,
  ]
}

/** What a budget has made again. */
function recomputationLine({ options, multiplyAdds, moreMultiplyAdds, savedBytes }: Recomputation): string {
  const kinds = options.map(({ every = 1, layers, keepsProducts, keepsResiduals }) => {
    const what = keepsProducts
      ? 'all but large products'
      : keepsResiduals
        ? 'all but the sums between their halves'
        : every === 1
          ? 'all but their inputs'
          : `all but the input of every ${every}th`
    return `of ${layers === undefined ? (options.length === 1 ? 'all layers' : 'the other layers') : `the first ${layers} layers`} ${what}`
  })
  return `  made again to fit --memory-budget: ${kinds.join(', ')}; ${bytes(savedBytes)} less for ${(100 * moreMultiplyAdds).toFixed(0)} % more multiply-adds (${(multiplyAdds / 1e9).toFixed(1)} G in the largest micro-batch)`
}

const LONGEST_LINE = 1200 // characters of an example

function shortened(line: string): string {
  if (line.length <= LONGEST_LINE) return line
  const half = LONGEST_LINE / 2
  return `${line.slice(0, half)} [... ${line.length - LONGEST_LINE} characters ...] ${line.slice(-half)}`
}

const shownLosses = new WeakMap<Progress, { readonly first: number; readonly last: number }>()

/** Shows an event. */
export function show(event: TrainingEvent, progress: Progress): void {
  if (event.type === 'step') {
    const losses = shownLosses.get(progress) ?? { first: event.loss, last: event.loss }
    shownLosses.set(progress, { ...losses, last: event.loss })
    const done = Math.round((20 * event.step) / event.totalSteps)
    progress.update(
      `${progress.live ? `[${'█'.repeat(done)}${'·'.repeat(20 - done)}] ` : ''}step ${event.step}/${event.totalSteps} epoch ${event.epoch.toFixed(2)} loss ${event.loss.toFixed(4)} ${event.tokensPerSecond.toFixed(0)} tokens/s ${bytes(event.peakMemoryBytes)}${event.step === 1 ? '' : ` ETA ${clock(event.etaSeconds)}`}`,
      event.step === 1 || event.step === event.totalSteps,
    )
  } else if (event.type === 'evaluate')
    progress.line(
      `step ${event.step}: evaluation loss ${event.evalLoss.toFixed(4)}, perplexity ${event.perplexity.toFixed(2)}${event.best ? ', the best so far' : ''}`,
    )
  else if (event.type === 'save') progress.line(`step ${event.step}: saved ${event.path ?? ''}`)
  else if (event.type === 'warning') progress.warning(asOptions(event.message))
  else if (event.type === 'end') {
    const losses = shownLosses.get(progress)
    progress.line(
      `${event.reason}: ${event.globalStep} steps in ${clock(event.seconds)}${losses === undefined ? '' : `, loss ${losses.first.toFixed(4)} → ${losses.last.toFixed(4)}`}`,
    )
  }
}

/** Values in force that differ from what Python would take, in one line. */
export function differences(values: Values): string[] {
  const found = Object.entries(differencesOf(values)).map(([key, { here, python }]) => `${key} ${here} (${python})`)
  return found.length === 0 ? [] : [`not as in Python: ${found.join(', ')}; run.json and --help say why`]
}

/** The same with the reasons, by snake_case name. */
export function differencesOf(values: Values): Record<string, { here: string; python: string; why: string }> {
  const given = values.given()
  return Object.fromEntries(
    optionsOf('train').flatMap(({ name, python, default: here = 'none' }) => {
      const key = name.replaceAll('-', '_')
      return python === undefined || given[key] !== undefined
        ? []
        : [[key, { here, python: python.value, why: python.why }]]
    }),
  )
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
