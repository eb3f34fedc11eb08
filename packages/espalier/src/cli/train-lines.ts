/** What `train` says on stderr: before the run, during it, and where its values are not Python's. */
import { CausalLM, type Model, type TaskType } from '@espalier/core'
import { renderSupervision } from '@espalier/data'
import type { LoadedModel } from '@espalier/serialization'
import type { EvaluateEvent, TrainingEvent } from '@espalier/trainer'
import type { HeadToTrain } from '../auto/head-to-train.js'
import { PeftModel } from '../model/peft-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import type { Recomputation } from '../training/fit-run.js'
import type { Preflight, TrainingPreflight } from '../training/preflight.js'
import { asOptions } from './failure.js'
import { meaningless } from './head-options.js'
import { optionsOf } from './options.js'
import { bytes, clock, type Progress } from './terminal.js'
import { writesTexts } from './trainer-of.js'
import type { Values } from './values.js'

/** The head that trains, why, and its labels. head: of a model that came without an adapter. */
export function headLine({ model, loaded }: PretrainedModel | PeftModel, head: HeadToTrain | undefined): string {
  const { task } = model
  const because = head === undefined ? ', as the adapter' : head.because === undefined ? '' : `, by ${head.because}`
  const isLabelled = task === 'SEQ_CLS' || task === 'TOKEN_CLS'
  return `task: ${task}${because}${isLabelled ? `; ${labelsText(loaded)}` : ''}`
}

const MOST_NAMED = 12

function labelsText({ labels, config }: LoadedModel): string {
  if (config.problem_type === 'regression') return labels?.length === 1 ? 'a number' : `${labels?.length} numbers`
  const names = labels ?? ['LABEL_0', 'LABEL_1'] // transformers'
  const more = names.length > MOST_NAMED ? `, ${names.length - MOST_NAMED} more` : ''
  const kind = config.problem_type === 'multi_label_classification' ? ', of which several may hold' : ''
  return `${names.length} labels${kind}: ${names.slice(0, MOST_NAMED).join(', ')}${more}`
}

/** What a run will take, in words. */
export function preflightLines(
  plan: TrainingPreflight & Partial<Preflight>,
  model: PretrainedModel | PeftModel,
): string[] {
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
    ...(plan.supervision === undefined ? plan.description : renderSupervision(plan.supervision)).map(shortened),
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
export function show(event: TrainingEvent, progress: Progress, task: TaskType): void {
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
      `step ${event.step}: evaluation loss ${event.evalLoss.toFixed(4)}${measured(event, task)}${event.best ? ', the best so far' : ''}`,
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

function measured({ perplexity, metrics }: EvaluateEvent, task: TaskType): string {
  const texts = writesTexts(task) ? [`, perplexity ${perplexity.toFixed(2)}`] : []
  return [...texts, ...Object.entries(metrics).map(([name, value]) => `, ${name} ${value.toFixed(3)}`)].join('')
}

/** Values in force that differ from what Python would take, in one line. */
export function differences(values: Values, model: PretrainedModel | PeftModel): string[] {
  const found = Object.entries(differencesOf(values, model)).map(
    ([key, { here, python }]) => `${key} ${here} (${python})`,
  )
  return found.length === 0 ? [] : [`not as in Python: ${found.join(', ')}; run.json and --help say why`]
}

/** The same with the reasons, by snake_case name. */
export function differencesOf(
  values: Values,
  { model, loaded }: PretrainedModel | PeftModel,
): Record<string, Difference> {
  const given = values.given()
  const options = optionsOf('train').flatMap(({ name, python, default: here = 'none' }) => {
    const key = name.replaceAll('-', '_')
    if (python === undefined || given[key] !== undefined) return []
    const theirs = model.task === 'CAUSAL_LM' || python.elsewhere === undefined ? python.value : python.elsewhere
    return theirs === null ? [] : [[key, { here, python: theirs, why: python.why }] as const]
  })
  return Object.fromEntries([...options, ...routingDifference(model, loaded)])
}

/** A value here, Python's, and why they differ. */
interface Difference {
  readonly here: string
  readonly python: string
  readonly why: string
}

const EXPERTS = ['num_local_experts', 'num_experts'] // of config.json, by family
const TRL_ROUTING = 0.001 // SFTConfig's router_aux_loss_coef

function routingDifference(model: Model, { config }: LoadedModel): (readonly [string, Difference])[] {
  if (!(model instanceof CausalLM) || !EXPERTS.some((key) => key in config)) return []
  const here = model.routingCoefficient
  if (here === TRL_ROUTING) return []
  const why = 'the loss of routing is that of config.json, which SFTTrainer overrules'
  return [['router_aux_loss_coef', { here: String(here), python: String(TRL_ROUTING), why }]]
}

/** Every default of `train` that has a meaning for a head, by snake_case name. */
export function defaultsOf(task: TaskType): Record<string, string | number | boolean> {
  const others = meaningless(task)
  return Object.fromEntries(
    optionsOf('train').flatMap(({ name, type, default: standard, planned }) => {
      if (standard === undefined || planned !== undefined || others.includes(name)) return []
      const value =
        type === 'number' || type === 'whole' ? Number(standard) : type === 'boolean' ? standard === 'true' : standard
      return [[name.replaceAll('-', '_'), value]]
    }),
  )
}
