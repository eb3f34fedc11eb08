/** Callbacks at run time, where no compiler has looked: a method that nobody would call is a mistake. */
import { didYouMean, EspalierError, requireAwaited } from '@espalier/core'
import type { TrainerCallback } from './callbacks.js'

const NAMES: Readonly<Record<Extract<keyof TrainerCallback, `on${string}`>, true>> = {
  onTrainBegin: true,
  onEpochBegin: true,
  onStepBegin: true,
  onStepEnd: true,
  onLog: true,
  onPredictionStep: true,
  onEvaluate: true,
  onSave: true,
  onEpochEnd: true,
  onTrainEnd: true,
}

/** Methods of transformers' callbacks that are not called here. */
const OTHERS: Readonly<Record<string, string>> = {
  onInitEnd: 'Do it before the trainer is made',
  onSubstepEnd: 'Use onStepEnd: micro-batches are no steps',
  onPreOptimizerStep: 'Give the trainer the option onGradients, which runs between gradients and the optimizer',
  onOptimizerStep: 'Give the trainer the option onOptimizerStep, which runs after the optimizer',
  onPredict: 'Use onEvaluate',
  onPushBegin: 'Leave it out: a run uploads nothing',
}

/** Throws config.* for what is no callback: a class, a function, or an object with a method `on…` that nobody calls. */
export function checkCallbacks(callbacks: readonly unknown[]): void {
  for (const callback of callbacks) check(callback)
}

function check(callback: unknown): void {
  requireAwaited('a callback', callback)
  if (typeof callback !== 'object' || callback === null) throw noCallback(callback)
  for (const name of namesOf(callback)) {
    if (!/^on[A-Z_]/.test(name)) continue
    const value = (callback as Record<string, unknown>)[name]
    if (!Object.hasOwn(NAMES, name)) throw unknownMethod(name)
    if (value === undefined || typeof value === 'function') continue
    throw new EspalierError('config.value', { what: `${name} takes a function`, got: { [name]: typeof value } })
  }
}

// Own ones and those of its class.
function namesOf(callback: object): Set<string> {
  const names = new Set<string>()
  let level: object | null = callback
  while (level !== null && level !== Object.prototype) {
    for (const name of Object.getOwnPropertyNames(level)) names.add(name)
    level = Object.getPrototypeOf(level) as object | null
  }
  return names
}

function noCallback(given: unknown): EspalierError {
  const isClass = typeof given === 'function' && /^class\b/.test(Function.prototype.toString.call(given))
  return new EspalierError('config.value', {
    what: isClass ? 'a callback is an object, and this is its class' : 'a callback is an object with methods',
    got: { callback: given === null ? null : isClass ? given.name : typeof given },
    fix: isClass
      ? `Make one: callbacks: [new ${given.name}()]`
      : 'Give objects with methods such as onStepEnd: callbacks: [{ onStepEnd() {} }]',
  })
}

function unknownMethod(name: string): EspalierError {
  const ours = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
  if (Object.hasOwn(OTHERS, ours))
    return new EspalierError('config.unsupported', {
      what: 'callbacks have no such method',
      got: { method: name },
      fix: OTHERS[ours],
    })
  return new EspalierError('config.unknown', {
    what: 'no method of callbacks has this name, so nobody would call it',
    got: { method: name },
    fix: didYouMean(name, Object.keys(NAMES)),
  })
}
