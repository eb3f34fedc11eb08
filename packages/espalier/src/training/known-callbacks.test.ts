import { expect, it } from 'vitest'
import { checkCallbacks } from './known-callbacks.js'

class Patience {
  patience = 3
  onEvaluate() {}
  reset() {}
}

class Misspelt extends Patience {
  onStepsEnd() {}
}

const check = (callback: unknown) => () => checkCallbacks([callback])

it('takes objects with the methods of callbacks, and whatever else they hold', () => {
  checkCallbacks([{}, new Patience(), { onStepEnd: undefined, once: true, only: 5 }])
})

it('refuses methods that nobody would call, with the name that was meant', () => {
  for (const [callback, text] of [
    [{ onStepsEnd() {} }, 'Did you mean onStepEnd?'],
    [{ on_step_end() {} }, 'Did you mean onStepEnd?'],
    [new Misspelt(), 'Did you mean onStepEnd?'],
    [{ onOptimizerStep() {} }, 'option onOptimizerStep'],
    [{ on_pre_optimizer_step() {} }, 'option onGradients'],
    [{ onInitEnd() {} }, 'before the trainer is made'],
    [{ onWhatever() {} }, 'onTrainBegin, onEpochBegin'],
  ] as const)
    expect(check(callback)).toThrow(text)
  expect(check({ onStepsEnd() {} })).toThrow(expect.objectContaining({ code: 'config.unknown' }))
  expect(check({ onInitEnd() {} })).toThrow(expect.objectContaining({ code: 'config.unsupported' }))
})

it('refuses classes, functions, and what is no function where one is called', () => {
  for (const [callback, text] of [
    [Patience, 'new Patience()'],
    [() => {}, 'onStepEnd'],
    [null, 'onStepEnd'],
    ['onStepEnd', 'onStepEnd'],
    [Promise.resolve(new Patience()), 'await'],
    [{ onStepEnd: 5 }, 'onStepEnd takes a function'],
  ] as const) {
    expect(check(callback)).toThrow(expect.objectContaining({ code: 'config.value' }))
    expect(check(callback)).toThrow(text)
  }
})
