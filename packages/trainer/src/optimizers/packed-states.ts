/** Optimizer states in fewer bits between steps: codes and scales take the place of floats, which live for the update alone. Source: arXiv:2110.02861 §2. */
import { cast, reshape, type Spec, sizeOf, type Tensor } from '@espalier/core'
import { checkWhole } from '../settings.js'
import type { Optimizer } from './optimizer.js'

/** How floats are packed: in blocks of values one after another. What codes stand for is the packing's own matter. */
export interface StatePacking {
  /** Values that share a scale. */
  readonly blockSize: number
  /** values f32 (n) -> codes u8 (n) and scales f32 (n / blockSize, rounded up). signed: whether values may be below 0. */
  pack(values: Tensor, signed: boolean): { readonly codes: Tensor; readonly scales: Tensor }
  /** The values of codes (n) and scales, f32 (n). */
  unpack(codes: Tensor, scales: Tensor, signed: boolean): Tensor
}

/** Settings. */
export interface PackedStatesOptions {
  readonly packing: StatePacking
  /** States that are never below 0: their codes need no sign. */
  readonly unsigned?: readonly string[]
  /** Values of the smallest parameter whose states are packed. Default 4096, as in bitsandbytes. */
  readonly leastSize?: number
}

const PACKED = 'packed'

/**
 * An elementwise optimizer whose states are packed between steps; those of small parameters and of whole embedding tables stay floats. Beside
 * a packed state's codes lies `<state>_absmax`, its scales. Blocks never reach from one parameter into another: those with whole blocks may
 * lie side by side. Throws config.value.
 */
export function packedStates(optimizer: Optimizer, options: PackedStatesOptions): Optimizer {
  const { packing, unsigned = [], leastSize = 4096 } = options
  checkWhole('leastSize', leastSize, 1)
  const { blockSize } = packing
  const isSigned = (state: string) => !unsigned.includes(state)
  return {
    ...optimizer,
    name: `${optimizer.name}_8bit`,
    states: optimizer.states.flatMap((state) => [state, scalesOf(state)]),
    classOf({ shape, isEmbedding }) {
      const size = sizeOf(shape)
      if (isEmbedding || size < leastSize) return 'floats'
      return size % blockSize === 0 ? PACKED : undefined
    },
    stateSpec(name, shape, ofClass): Spec | undefined {
      const isScales = !optimizer.states.includes(name)
      if (ofClass === 'floats') return isScales ? undefined : { dtype: 'f32', shape }
      return isScales ? { dtype: 'f32', shape: [Math.ceil(sizeOf(shape) / blockSize)] } : { dtype: 'u8', shape }
    },
    update(context) {
      const { states, parameter } = context
      const packed = optimizer.states.filter((state) => states[scalesOf(state)] !== undefined)
      if (packed.length === 0) return optimizer.update(context)
      const flat = [sizeOf(parameter.shape)]
      const decoded = packed.map((state) => {
        const scales = states[scalesOf(state)] as Tensor
        const values = packing.unpack(reshape(states[state] as Tensor, flat), scales, isSigned(state))
        return [state, reshape(values, parameter.shape)] as const
      })
      const next = optimizer.update({ ...context, states: Object.fromEntries(decoded) })
      const encoded = packed.flatMap((state) => {
        const { codes, scales } = packing.pack(reshape(next.states[state] as Tensor, flat), isSigned(state))
        return [
          [state, reshape(cast(codes, 'u8'), parameter.shape)],
          [scalesOf(state), scales],
        ] as const
      })
      return { parameter: next.parameter, states: Object.fromEntries(encoded) }
    },
  }
}

function scalesOf(state: string): string {
  return `${state}_absmax`
}
