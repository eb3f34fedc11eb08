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
  | 'cosine_warmup_with_min_lr'
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
  /** `lr_scheduler_kwargs` in camelCase: numCycles, power, lrEnd, timescale, minLr, minLrRate, warmupLrRate, numStableSteps, numDecaySteps, minLrRatio, warmupType, decayType. */
  readonly parameters?: Readonly<Record<string, unknown>>
}

interface Context {
  readonly warmup: number
  readonly total: number
  readonly rate: number
  number(name: string, fallback: number): number
  /** One of the curves, by name. Throws config.value. */
  curve(name: string, fallback: string): (progress: number) => number
}

/** A factor of the base rate: `at` after the warmup; `rise` during it when it is not a straight line from 0. */
interface Shape {
  at(step: number, context: Context): number
  rise?(step: number, context: Context): number
}

const cosineAt = (progress: number, cycles: number) =>
  Math.max(0, 0.5 * (1 + Math.cos(Math.PI * cycles * 2 * progress)))

/** From 0 to 1 as progress goes from 0 to 1. A decay is the same curve read backwards. */
const rises: Readonly<Record<string, (progress: number) => number>> = {
  linear: (progress) => progress,
  cosine: (progress) => 0.5 * (1 - Math.cos(Math.PI * progress)),
  '1-sqrt': (progress) => 1 - Math.sqrt(1 - progress),
}

const shapes: { readonly [T in SchedulerType]: Shape } = {
  constant: { at: () => 1 },
  constant_with_warmup: { at: () => 1 },
  linear: { at: (step, { warmup, total }) => Math.max(0, (total - step) / Math.max(1, total - warmup)) },
  cosine: {
    at: (step, { warmup, total, number }) =>
      cosineAt((step - warmup) / Math.max(1, total - warmup), number('numCycles', 0.5)),
  },
  cosine_with_restarts: {
    at: (step, { warmup, total, number }) => {
      const progress = (step - warmup) / Math.max(1, total - warmup)
      return progress >= 1 ? 0 : Math.max(0, 0.5 * (1 + Math.cos(Math.PI * ((number('numCycles', 1) * progress) % 1))))
    },
  },
  polynomial: {
    at: (step, { warmup, total, rate, number }) => {
      const end = number('lrEnd', 1e-7)
      if (step > total) return end / rate
      return ((rate - end) * (1 - (step - warmup) / (total - warmup)) ** number('power', 1) + end) / rate
    },
  },
  inverse_sqrt: {
    at: (step, { warmup, number }) => {
      const timescale = number('timescale', warmup || 10_000)
      return 1 / Math.sqrt((step + timescale - warmup) / timescale)
    },
  },
  cosine_with_min_lr: {
    at: (step, context) => {
      const { warmup, total } = context
      return cosineAbove((step - warmup) / Math.max(1, total - warmup), context)
    },
  },
  cosine_warmup_with_min_lr: {
    // Counts from 1, so that the first step moves and the last one ends at the least rate.
    at: (step, context) => {
      const { warmup, total } = context
      return cosineAbove((step - warmup + 1) / Math.max(1, total - warmup), context)
    },
    rise: (step, { warmup, number }) => {
      const start = number('warmupLrRate', Number.NaN)
      if (Number.isNaN(start)) return (step + 1) / Math.max(1, warmup)
      return start + ((1 - start) * step) / Math.max(1, warmup - 1)
    },
  },
  warmup_stable_decay: {
    at: (step, context) => {
      const { warmup, total, number, curve } = context
      const decay = number('numDecaySteps', 0)
      const stable = number('numStableSteps', total - warmup - decay)
      if (step < warmup + stable) return 1
      const progress = (step - warmup - stable) / Math.max(1, decay)
      if (step >= warmup + stable + decay) return number('minLrRatio', 0)
      const fall = curve('decayType', 'cosine')
      const isCosine = fall === rises.cosine
      return aboveLeast(isCosine ? cosineAt(progress, number('numCycles', 0.5)) : fall(1 - progress), context)
    },
    rise: (step, context) =>
      aboveLeast(context.curve('warmupType', 'linear')(step / Math.max(1, context.warmup)), context),
  },
}

/** Half a cosine wave that ends at `minLr`, or at the share `minLrRate` of the base rate. */
function cosineAbove(progress: number, { rate, number }: Context): number {
  const least = Number.isNaN(number('minLr', Number.NaN)) ? number('minLrRate', 0) : number('minLr', 0) / rate
  const wave = 0.5 * (1 + Math.cos(Math.PI * number('numCycles', 0.5) * 2 * progress))
  return Math.max(0, wave * (1 - least) + least)
}

function aboveLeast(factor: number, { number }: Context): number {
  const least = number('minLrRatio', 0)
  return Math.max(0, factor * (1 - least) + least)
}

const CURVES = ['warmupType', 'decayType']

/** Settings of each schedule, as in transformers. */
const settings: { readonly [T in SchedulerType]: readonly string[] } = {
  linear: [],
  cosine: ['numCycles'],
  cosine_with_restarts: ['numCycles'],
  polynomial: ['lrEnd', 'power'],
  constant: [],
  constant_with_warmup: [],
  inverse_sqrt: ['timescale'],
  cosine_with_min_lr: ['numCycles', 'minLr', 'minLrRate'],
  cosine_warmup_with_min_lr: ['numCycles', 'minLr', 'minLrRate', 'warmupLrRate'],
  warmup_stable_decay: ['numStableSteps', 'numDecaySteps', 'minLrRatio', 'numCycles', ...CURVES],
}

/** Throws config.value for a schedule that does not exist, and for settings that it does not have or that are no numbers. Null counts as not given. */
export function checkSchedule(type: SchedulerType, parameters: Readonly<Record<string, unknown>> = {}): void {
  const known = Object.hasOwn(settings, type) ? settings[type] : undefined
  if (known === undefined)
    throw new EspalierError('config.value', {
      what: 'no schedule has this name',
      got: { lrSchedulerType: type, known: Object.keys(settings) },
    })
  for (const [name, value] of Object.entries(parameters)) {
    if (value === null || value === undefined) continue
    const isRight = CURVES.includes(name) ? typeof value === 'string' : Number.isFinite(value)
    if (known.includes(name) && isRight) continue
    throw new EspalierError('config.value', {
      what: known.includes(name)
        ? `a setting of the schedule is no ${CURVES.includes(name) ? 'name of a curve' : 'number'}`
        : 'the schedule has no such setting',
      got: { lrSchedulerType: type, [name]: value, known },
    })
  }
}

/** The rate of each step, counted from 0. Throws config.value for an unknown schedule or settings out of range; so does what it returns, for a rate that is none. */
export function createSchedule(options: ScheduleOptions): (step: number) => number {
  const { type, totalSteps, warmupSteps = 0, learningRate, parameters = {} } = options
  checkSchedule(type, parameters)
  const shape: Shape = shapes[type]
  checkWhole('warmupSteps', warmupSteps, 0)
  const warmup = type === 'constant' ? 0 : warmupSteps
  const number = (name: string, fallback: number) =>
    typeof parameters[name] === 'number' ? (parameters[name] as number) : fallback
  const curve = (name: string, fallback: string) => {
    const chosen = parameters[name] ?? fallback
    const found = typeof chosen === 'string' ? rises[chosen] : undefined
    if (found !== undefined) return found
    throw new EspalierError('config.value', {
      what: 'no curve has this name',
      got: { [name]: chosen, known: Object.keys(rises) },
    })
  }
  const context: Context = { warmup, total: totalSteps, rate: learningRate, number, curve }
  const rise = shape.rise?.bind(shape) ?? ((step: number) => step / Math.max(1, warmup))
  return (step) => {
    const rate = learningRate * (step < warmup ? rise(step, context) : shape.at(step, context))
    if (Number.isFinite(rate)) return rate
    throw new EspalierError('config.value', {
      what: 'the schedule gives a learning rate that is no number',
      got: { lrSchedulerType: type, step: step + 1, ...parameters },
      fix: 'Correct its settings: lrSchedulerKwargs.',
    })
  }
}
