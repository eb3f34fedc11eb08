/** Learning-rate schedules as transformers computes them: a factor of the base rate for each step, counted from 0. */
import { EspalierError } from '@espalier/core'
import { checkWhole } from './settings.js'

/** Names of the schedules, as in transformers. */
export type SchedulerType =
  | 'linear'
  | 'cosine'
  | 'cosine_with_restarts'
  | 'polynomial'
  | 'constant'
  | 'constant_with_warmup'
  | 'inverse_sqrt'
  | 'cosine_with_min_lr'
  | 'warmup_stable_decay'

/** Settings of a schedule. */
export interface ScheduleOptions {
  readonly type: SchedulerType
  /** Steps of the whole run. */
  readonly totalSteps: number
  /** Steps until the base rate is reached. Default 0. */
  readonly warmupSteps?: number
  /** Base rate; polynomial and cosine_with_min_lr end at an absolute rate. */
  readonly learningRate: number
  /** `lr_scheduler_kwargs` in camelCase: numCycles, power, lrEnd, timescale, minLr, minLrRate, numDecaySteps, minLrRatio, warmupType, decayType. */
  readonly parameters?: Readonly<Record<string, unknown>>
}

type Shape = (
  step: number,
  context: {
    readonly warmup: number
    readonly total: number
    readonly rate: number
    number(name: string, fallback: number): number
  },
) => number

const cosineAt = (progress: number, cycles: number) =>
  Math.max(0, 0.5 * (1 + Math.cos(Math.PI * cycles * 2 * progress)))

const shapes: { readonly [T in SchedulerType]: Shape } = {
  constant: () => 1,
  constant_with_warmup: () => 1,
  linear: (step, { warmup, total }) => Math.max(0, (total - step) / Math.max(1, total - warmup)),
  cosine: (step, { warmup, total, number }) =>
    cosineAt((step - warmup) / Math.max(1, total - warmup), number('numCycles', 0.5)),
  cosine_with_restarts: (step, { warmup, total, number }) => {
    const progress = (step - warmup) / Math.max(1, total - warmup)
    return progress >= 1 ? 0 : Math.max(0, 0.5 * (1 + Math.cos(Math.PI * ((number('numCycles', 1) * progress) % 1))))
  },
  polynomial: (step, { warmup, total, rate, number }) => {
    const end = number('lrEnd', 1e-7)
    if (step > total) return end / rate
    return ((rate - end) * (1 - (step - warmup) / (total - warmup)) ** number('power', 1) + end) / rate
  },
  inverse_sqrt: (step, { warmup, number }) => {
    const timescale = number('timescale', warmup || 10_000)
    return 1 / Math.sqrt((step + timescale - warmup) / timescale)
  },
  cosine_with_min_lr: (step, { warmup, total, rate, number }) => {
    const least = Number.isNaN(number('minLr', Number.NaN)) ? number('minLrRate', 0) : number('minLr', 0) / rate
    const wave =
      0.5 * (1 + Math.cos(Math.PI * number('numCycles', 0.5) * 2 * ((step - warmup) / Math.max(1, total - warmup))))
    return Math.max(0, wave * (1 - least) + least)
  },
  warmup_stable_decay: (step, { warmup, total, number }) => {
    const decay = number('numDecaySteps', 0)
    const stable = number('numStableSteps', total - warmup - decay)
    const least = number('minLrRatio', 0)
    if (step < warmup + stable) return 1
    if (step >= warmup + stable + decay) return least
    const wave = Math.max(
      0,
      0.5 * (1 + Math.cos(Math.PI * number('numCycles', 0.5) * 2 * ((step - warmup - stable) / Math.max(1, decay)))),
    )
    return wave * (1 - least) + least
  },
}

/** The rate of each step, counted from 0. Throws config.value for an unknown schedule or settings out of range. */
export function createSchedule(options: ScheduleOptions): (step: number) => number {
  const { type, totalSteps, warmupSteps = 0, learningRate, parameters = {} } = options
  const shape = shapes[type] as Shape | undefined
  if (shape === undefined)
    throw new EspalierError('config.value', {
      what: 'no schedule has this name',
      got: { lrSchedulerType: type, known: Object.keys(shapes) },
    })
  checkWhole('warmupSteps', warmupSteps, 0)
  const warmup = type === 'constant' ? 0 : warmupSteps
  const number = (name: string, fallback: number) =>
    typeof parameters[name] === 'number' ? (parameters[name] as number) : fallback
  const context = { warmup, total: totalSteps, rate: learningRate, number }
  return (step) => learningRate * (step < warmup ? step / Math.max(1, warmup) : shape(step, context))
}
