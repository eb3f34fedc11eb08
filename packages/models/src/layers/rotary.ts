/** Angles of rotary positions: inverse frequencies by the scaling that config.json asks for, and tables of cosines and sines. */
import { cast, constantTensor, cos, hostTensor, mul, reshape, sin, type Tensor } from '@espalier/core'
import type { ConfigKeys } from '../config/config-keys.js'

const DEFAULT_THETA = 10_000 // arXiv:2104.09864 §3.3

/** Cosines and sines, each (batch or 1, tokens, size / 2). */
export interface RotaryTables {
  readonly cos: Tensor
  readonly sin: Tensor
}

/** Rotary positions of one model. All layers share its tables. */
export class Rotary {
  // Layers ask for the same positions; one table each keeps graphs small before any transform has run.
  private readonly made = new WeakMap<Tensor, RotaryTables>()

  /** @param frequencies (size / 2) angles per position, float32 values. */
  constructor(readonly frequencies: readonly number[]) {}

  /** positions (batch or 1, tokens) i32 -> tables. Angles are float32 products of position and frequency, as in transformers. */
  at(positions: Tensor): RotaryTables {
    const known = this.made.get(positions)
    if (known !== undefined) return known
    const count = this.frequencies.length
    const row = constantTensor(hostTensor('f32', [1, 1, count], [...this.frequencies]))
    const angles = mul(reshape(cast(positions, 'f32'), [...positions.shape, 1]), row)
    const tables = { cos: cos(angles), sin: sin(angles) }
    this.made.set(positions, tables)
    return tables
  }
}

/** Rotary positions of heads of `size`, from `rope_parameters` or the older `rope_theta` and `rope_scaling`. Throws model.unsupported, model.config. */
export function rotaryOf(keys: ConfigKeys, size: number): Rotary {
  const scaling = keys.below('rope_parameters') ?? keys.below('rope_scaling')
  const theta = scaling?.has('rope_theta') ? scaling.positive('rope_theta') : keys.positive('rope_theta', DEFAULT_THETA)
  // Every step is rounded to float32, as torch does: at position 100,000 an unrounded frequency is a visible angle off.
  const plain = Array.from({ length: size / 2 }, (_, i) =>
    Math.fround(1 / Math.fround(theta ** Math.fround((2 * i) / size))),
  )
  if (scaling === undefined) return new Rotary(plain)
  const typeKey = scaling.has('rope_type') ? 'rope_type' : 'type'
  switch (scaling.text(typeKey, 'default')) {
    case 'default':
      return new Rotary(plain)
    case 'linear': {
      const factor = scaling.positive('factor')
      return new Rotary(plain.map((frequency) => Math.fround(frequency / factor)))
    }
    case 'llama3':
      return new Rotary(llama3(plain, keys, scaling))
    default:
      throw scaling.unsupported(typeKey, ['default', 'linear', 'llama3'])
  }
}

// Llama 3.1: long waves are stretched by `factor`, short ones kept, those between blended.
function llama3(plain: readonly number[], keys: ConfigKeys, scaling: ConfigKeys): number[] {
  const factor = scaling.positive('factor')
  const [low, high] = [scaling.positive('low_freq_factor'), scaling.positive('high_freq_factor')]
  if (low >= high)
    throw keys.conflict('high_freq_factor must be above low_freq_factor', {
      low_freq_factor: low,
      high_freq_factor: high,
    })
  const trained = scaling.has('original_max_position_embeddings')
    ? scaling.size('original_max_position_embeddings')
    : keys.size('max_position_embeddings')
  return plain.map((frequency) => {
    const wave = (2 * Math.PI) / frequency
    if (wave > trained / low) return Math.fround(frequency / factor)
    if (wave < trained / high) return frequency
    const share = (trained / wave - low) / (high - low)
    return Math.fround(((1 - share) * frequency) / factor + share * frequency)
  })
}
