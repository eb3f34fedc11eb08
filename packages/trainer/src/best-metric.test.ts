import { describe, expect, it } from 'vitest'
import { bestMetric, isBetter, metricOf } from './best-metric.js'

const evaluation = { evalLoss: 0.5, perplexity: Math.exp(0.5), metrics: { accuracy: 0.75, f1: Number.NaN } }

describe('the best metric', () => {
  // transformers 5.18, TrainingArguments(metric_for_best_model=...).greater_is_better
  it.each([
    [{}, 'loss', false],
    [{ metricForBestModel: 'eval_loss' }, 'loss', false],
    [{ metricForBestModel: 'eval_accuracy' }, 'accuracy', true],
    [{ metricForBestModel: 'my_loss' }, 'my_loss', false],
    [{ metricForBestModel: 'loss_of_b' }, 'loss_of_b', true],
    [{ metricForBestModel: 'accuracy', greaterIsBetter: false }, 'accuracy', false],
    [{ greaterIsBetter: true }, 'loss', true],
  ])('of %o is %s, better when greater: %s', (options, name, greaterIsBetter) => {
    expect(bestMetric(options)).toEqual({ name, greaterIsBetter })
  })

  it('is found in an evaluation, and named where it is not', () => {
    expect(metricOf(bestMetric({ metricForBestModel: 'eval_accuracy' }), evaluation)).toBe(0.75)
    expect(metricOf(bestMetric({}), evaluation)).toBe(0.5)
    const misspelt = () => metricOf(bestMetric({ metricForBestModel: 'acuracy' }), evaluation)
    expect(misspelt).toThrow(/acuracy.*loss.*perplexity.*accuracy.*Set metricForBestModel to accuracy/s)
    expect(() => metricOf(bestMetric({ metricForBestModel: 'toString' }), evaluation)).toThrow(/toString/)
  })

  it('refuses no name, and a perplexity of which nobody says that less is better', () => {
    expect(() => bestMetric({ metricForBestModel: 'eval_' })).toThrow(/names no metric/)
    expect(() => bestMetric({ metricForBestModel: 'perplexity' })).toThrow(/Set greaterIsBetter to false/)
    expect(bestMetric({ metricForBestModel: 'perplexity', greaterIsBetter: false }).greaterIsBetter).toBe(false)
  })

  it('is better by more than the threshold, the first one always, what is no number never', () => {
    const [less, more] = [bestMetric({}), bestMetric({ metricForBestModel: 'accuracy' })]
    expect([isBetter(less, 1, null), isBetter(less, 1, 1), isBetter(less, 0.9, 1)]).toEqual([true, false, true])
    expect([isBetter(more, 1, null), isBetter(more, 0.9, 1), isBetter(more, 1.1, 1)]).toEqual([true, false, true])
    expect([isBetter(more, 1.25, 1, 0.25), isBetter(more, 1.5, 1, 0.25)]).toEqual([false, true])
    expect([isBetter(more, Number.NaN, null), isBetter(less, Number.NaN, 1)]).toEqual([false, false])
  })
})
