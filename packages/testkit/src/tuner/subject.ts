/** What the checks of a tuner work on: the tuner, one configuration, and models to adapt. */
import { AdaptedModel, type BaseModel, type ConfiguredTuner, configure, type LayerTuner } from '@espalier/core'
import { move } from './run-model.js'
import { targetsByKind, testModel } from './test-model.js'

/** A tuner under test. */
export interface TunerSubject {
  readonly tuner: LayerTuner
  readonly startsAsIdentity: boolean
  readonly mergeTolerance: number
  readonly drawsInitialValues: boolean
  /** The configuration, made anew. */
  configured(): ConfiguredTuner
  /** A base model, made anew: equal weights each time. */
  base(): BaseModel
  /** A model with one adapter of this configuration. */
  fresh(name?: string, seed?: number): AdaptedModel
  /** The same with values moved away from where they start, so that nothing is hidden by zeros. */
  moved(name?: string, seed?: number): Promise<AdaptedModel>
}

/** How a subject is configured. */
export interface SubjectOptions {
  readonly config: Readonly<Record<string, unknown>>
  readonly startsAsIdentity?: boolean
  readonly mergeTolerance?: number
  readonly drawsInitialValues?: boolean
}

/** The subject of one variant. */
export function tunerSubject(
  tuner: LayerTuner,
  options: SubjectOptions,
  base: () => BaseModel = testModel,
  moreTargets: readonly string[] = [],
): TunerSubject {
  const kinds = tuner.layers ?? ['linear', 'conv1d']
  const targetModules = [...kinds.flatMap((kind) => targetsByKind[kind]), ...moreTargets]
  const configured = () => configure(tuner, { targetModules, ...options.config })
  const fresh = (name = 'default', seed = 1) => {
    const adapted = new AdaptedModel(base())
    adapted.addAdapter(name, configured(), { seed })
    return adapted
  }
  return {
    tuner,
    startsAsIdentity: options.startsAsIdentity ?? true,
    mergeTolerance: options.mergeTolerance ?? 1e-4,
    drawsInitialValues: options.drawsInitialValues ?? true,
    configured,
    base,
    fresh,
    async moved(name = 'default', seed = 1) {
      const adapted = fresh(name, seed)
      await move(adapted, name, seed)
      return adapted
    },
  }
}

/** An absolute tolerance. */
export function within(absolute: number) {
  return { absolute, relative: 0 }
}
