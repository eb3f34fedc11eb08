/** The optimizer that a run's arguments name, as transformers' Trainer makes it of the same. */
import { didYouMean, EspalierError } from '@espalier/core'
import { dynamicStates } from '@espalier/quantization'
import { adafactor, adagrad, adamw, lion, type Optimizer, packedStates, rmsprop, sgd } from '@espalier/trainer'
import { type OptimizerName, optimizerNames } from './optimizer-names.js'
import type { TrainingArguments } from './training-arguments.js'

/** What `optimArgs` may hold for an optimizer; others take none, as in transformers. */
const TAKEN: { readonly [name in OptimizerName]?: readonly string[] } = {
  sgd: ['momentum', 'dampening', 'nesterov'],
  adagrad: ['lr_decay', 'eps'],
  rmsprop: ['momentum', 'alpha', 'eps', 'centered'],
}

/** The optimizer. Throws config.unsupported for one that does not exist, config.value for its settings. */
export function optimizerOf(args: TrainingArguments): Optimizer {
  const { optim = 'adamw_torch_fused', adamBeta1: beta1, adamBeta2: beta2, adamEpsilon: epsilon } = args
  if (!(optimizerNames as readonly string[]).includes(optim))
    throw new EspalierError('config.unsupported', {
      what: 'this optimizer does not exist yet',
      got: { optim },
      fix: `Use one of ${optimizerNames.join(', ')}, or pass an optimizer`,
    })
  const own = parsed(optim, args.optimArgs)
  const number = (name: string) => (own.has(name) ? { [name]: numberOf(name, own.get(name) as string) } : {})
  const flag = (name: string) => ({ [name]: /^(true|1|yes)$/i.test(own.get(name) ?? '') })
  const { eps, lr_decay: lrDecay } = { ...number('eps'), ...number('lr_decay') }
  const ownEpsilon = eps === undefined ? {} : { epsilon: eps }
  const adam = () =>
    adamw({
      ...(beta1 === undefined ? {} : { beta1 }),
      ...(beta2 === undefined ? {} : { beta2 }),
      ...(epsilon === undefined ? {} : { epsilon }),
    })
  // transformers gives Lion Adam's decays, not the paper's 0.99.
  const ofLion = () => lion({ beta1: beta1 ?? 0.9, beta2: beta2 ?? 0.999 })
  switch (optim) {
    case 'sgd':
      return sgd({ ...number('momentum'), ...number('dampening'), ...flag('nesterov') })
    case 'adagrad':
      return adagrad({ ...ownEpsilon, ...(lrDecay === undefined ? {} : { lrDecay }) })
    case 'rmsprop':
      return rmsprop({ ...ownEpsilon, ...number('momentum'), ...number('alpha'), ...flag('centered') })
    case 'adafactor':
      return adafactor()
    case 'lion_32bit':
    case 'paged_lion_32bit':
      return ofLion()
    case 'lion_8bit':
    case 'paged_lion_8bit':
      return packedStates(ofLion(), { packing: dynamicStates })
    case 'adamw_8bit':
    case 'adamw_bnb_8bit':
    case 'paged_adamw_8bit':
      return packedStates(adam(), { packing: dynamicStates, unsigned: ['exp_avg_sq'] })
    default:
      return adam()
  }
}

/** `momentum=0.9,nesterov=true` by name. */
function parsed(optim: OptimizerName, text = ''): ReadonlyMap<string, string> {
  const pairs = text.replaceAll(' ', '').split(',').filter(Boolean)
  return new Map(
    pairs.map((pair) => {
      const [name = '', value, ...more] = pair.split('=')
      const known = TAKEN[optim] ?? []
      if (value === undefined || more.length > 0) throw refused(optim, pair, 'Write it as name=value,name=value')
      if (known.includes(name)) return [name, value]
      if (name === 'weight_decay') throw refused(optim, pair, 'Set weightDecay')
      throw refused(optim, pair, didYouMean(name, known, `${optim} takes ${known.join(', ') || 'none'}`))
    }),
  )
}

function numberOf(name: string, text: string): number {
  const value = Number(text)
  if (text !== '' && Number.isFinite(value)) return value
  throw new EspalierError('config.value', { what: `${name} of optimArgs is a number`, got: { [name]: text } })
}

function refused(optim: string, pair: string, fix: string): EspalierError {
  return new EspalierError('config.value', {
    what: 'optimArgs hold something that the optimizer does not take',
    got: { optim, optimArgs: pair },
    fix,
  })
}
