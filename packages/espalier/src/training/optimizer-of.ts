/** The optimizer that a run's arguments name. */
import { EspalierError } from '@espalier/core'
import { adamw, type Optimizer, sgd } from '@espalier/trainer'
import type { TrainingArguments } from './training-arguments.js'

/** The optimizer by transformers' name. Throws config.unsupported for one that does not exist, config.value for its settings. */
export function optimizerOf(args: TrainingArguments): Optimizer {
  const { optim = 'adamw_torch_fused', adamBeta1, adamBeta2, adamEpsilon } = args
  if (optim === 'sgd') return sgd()
  if (optim !== 'adamw_torch' && optim !== 'adamw_torch_fused') {
    throw new EspalierError('config.unsupported', {
      what: 'this optimizer does not exist yet',
      got: { optim },
      fix: 'Use adamw_torch or sgd, or pass an optimizer',
    })
  }
  return adamw({
    ...(adamBeta1 === undefined ? {} : { beta1: adamBeta1 }),
    ...(adamBeta2 === undefined ? {} : { beta2: adamBeta2 }),
    ...(adamEpsilon === undefined ? {} : { epsilon: adamEpsilon }),
  })
}
