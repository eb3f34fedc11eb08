/** A trainer of the toy model for tests. */
import { reference } from '@espalier/core'
import type { MicroBatch } from './batches.js'
import type { TrainingEvent } from './events.js'
import { toyBatch, toyModel, toyRows, toySteps } from './toy-model.fake.js'
import { Trainer } from './trainer.js'
import type { TrainerOptions } from './trainer-options.js'

/** What a toy run is made of, where it is not the default. */
export interface ToySetting extends Partial<TrainerOptions> {
  readonly microBatches?: readonly MicroBatch[] | ((step: number) => readonly MicroBatch[])
  readonly totalSteps?: number
}

/** A trainer of the toy model, on the reference backend. */
export async function trainerOf({ microBatches = [toyBatch(toyRows)], totalSteps = 4, ...rest }: ToySetting = {}) {
  const backend = rest.backend ?? reference()
  const model = rest.model ?? toyModel()
  const weights = await backend.loadWeights(new Map())
  return {
    model,
    trainer: new Trainer({ model, backend, weights, steps: toySteps(microBatches, totalSteps), ...rest }),
  }
}

/** All that a toy run tells, and what it ends with. */
export async function eventsOf(setting: ToySetting = {}) {
  const events: TrainingEvent[] = []
  const { model, trainer } = await trainerOf({ ...setting, onEvent: (event) => void events.push(event) })
  const result = await trainer.train().result
  return { events, result, model, values: await model.trainable() }
}
