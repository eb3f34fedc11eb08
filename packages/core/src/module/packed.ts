/** Packed weights: codes and what decodes them, which no gradient step may change. */
import { isFloat } from '../dtype.js'
import { EspalierError } from '../errors.js'
import { sizeOf } from '../shape.js'
import { isAdaptable } from './adaptable.js'
import type { Module } from './module.js'
import type { Parameter } from './parameter.js'
import { learnedParameters, namedModules } from './tree.js'
import type { Weight } from './weight.js'

/** The parameters of all weights in a tree of which any part is no float: codes, scales and descriptions alike. */
export function packedParameters(root: Module): Set<Parameter> {
  return new Set(packedWeights(root).flatMap(({ parameters }) => parameters))
}

/** How many parameters a tree has, as PyTorch and PEFT count them: of packed weights the floats that codes stand for, tied ones once, no buffers. */
export function parameterCount(root: Module): number {
  const weights = packedWeights(root)
  const packed = new Set(weights.flatMap(({ parameters }) => parameters))
  const plain = [...learnedParameters(root).values()].filter((parameter) => !packed.has(parameter))
  const decoded = new Map(weights.map(({ parameters, shape }) => [parameters[0], { shape }]))
  return [...plain, ...decoded.values()].reduce((sum, { shape }) => sum + sizeOf(shape), 0)
}

function packedWeights(root: Module): Weight[] {
  const weights = namedModules(root).flatMap(({ module }) => (isAdaptable(module) ? [module.weight] : []))
  return weights.filter(isPacked)
}

/** Whether any part of a weight is no float. */
export function isPacked({ parameters }: Pick<Weight, 'parameters'>): boolean {
  return parameters.some(({ dtype }) => !isFloat(dtype))
}

/** Throws model.quantized when parameters that are to train belong to packed weights of the tree. */
export function refusePacked(root: Module, training: Iterable<Parameter>): void {
  const packed = packedParameters(root)
  const refused = [...training].flatMap((parameter) => (packed.has(parameter) ? [parameter.path] : []))
  if (refused.length === 0) return
  throw new EspalierError('model.quantized', {
    what: 'packed weights cannot be trained in full',
    got: { parameters: refused.slice(0, SHOWN), of: refused.length },
    fix: 'Train an adapter on them, or load a copy of the model that is not quantized.',
  })
}

const SHOWN = 5 // names in an error
