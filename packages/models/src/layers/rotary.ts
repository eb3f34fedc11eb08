/** Angles of rotary positions: inverse frequencies by the scaling that config.json asks for, and tables of cosines and sines. */
import {
  cast,
  concat,
  constantTensor,
  cos,
  hostTensor,
  mul,
  permute,
  reshape,
  rope,
  sin,
  sliceAxis,
  type Tensor,
} from '@espalier/core'
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

  /**
   * @param frequencies angles per position, float32 values: one for each pair of values of a head that turns.
   * @param interleaved whether a pair lies side by side, not half of what turns apart.
   */
  constructor(
    readonly frequencies: readonly number[],
    readonly interleaved: boolean = false,
  ) {}

  /** x (batch, heads, tokens, size) turned by the angles of its positions, (batch or 1, tokens) i32. Values behind the last pair stay. */
  turn(x: Tensor, positions: Tensor): Tensor {
    const { cos, sin } = this.at(positions)
    const [size, turned] = [x.shape[3] as number, 2 * this.frequencies.length]
    const part = turned === size ? x : sliceAxis(x, 3, 0, turned)
    const y = this.interleaved ? side(rope(apart(part), cos, sin)) : rope(part, cos, sin)
    return turned === size ? y : concat([y, sliceAxis(x, 3, turned, size)], 3)
  }

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

// The first of every pair, then the second ones: (batch, heads, tokens, size) -> same.
function apart(x: Tensor): Tensor {
  return swapped(x, (x.shape[3] as number) / 2, 2)
}

// The inverse of `apart`.
function side(x: Tensor): Tensor {
  return swapped(x, 2, (x.shape[3] as number) / 2)
}

function swapped(x: Tensor, outer: number, inner: number): Tensor {
  const apart = reshape(x, [...x.shape.slice(0, 3), outer, inner])
  return reshape(permute(apart, [0, 1, 2, 4, 3]), x.shape)
}

/** What families differ in. */
export interface RotaryOptions {
  /** The share of a head that turns where `partial_rotary_factor` is absent. Without it all turns, and the key is not read. */
  readonly share?: number
  /** Whether a pair lies side by side. */
  readonly interleaved?: boolean
}

/** Rotary positions of heads of `size`, from `rope_parameters` or the older `rope_theta` and `rope_scaling`. Throws model.unsupported, model.config. */
export function rotaryOf(keys: ConfigKeys, size: number, options: RotaryOptions = {}): Rotary {
  const scaling = keys.below('rope_parameters') ?? keys.below('rope_scaling')
  const theta = scaling?.has('rope_theta') ? scaling.positive('rope_theta') : keys.positive('rope_theta', DEFAULT_THETA)
  const turned = options.share === undefined ? size : turnedSize(keys, scaling, size, options.share)
  // Every step is rounded to float32, as torch does: at position 100,000 an unrounded frequency is a visible angle off.
  const plain = Array.from({ length: turned / 2 }, (_, i) =>
    Math.fround(1 / Math.fround(theta ** Math.fround((2 * i) / turned))),
  )
  return new Rotary(scaled(plain, keys, scaling), options.interleaved)
}

function turnedSize(keys: ConfigKeys, scaling: ConfigKeys | undefined, size: number, share: number): number {
  const key = 'partial_rotary_factor'
  const factor = scaling?.has(key) ? scaling.positive(key) : keys.positive(key, share)
  const turned = Math.floor(size * factor)
  if (turned < 2 || turned > size || turned % 2 !== 0)
    throw keys.conflict('an even number of the values of a head must turn', { [key]: factor, head_dim: size })
  return turned
}

function scaled(plain: readonly number[], keys: ConfigKeys, scaling: ConfigKeys | undefined): readonly number[] {
  if (scaling === undefined) return plain
  const typeKey = scaling.has('rope_type') ? 'rope_type' : 'type'
  switch (scaling.text(typeKey, 'default')) {
    case 'default':
      return plain
    case 'linear': {
      const factor = scaling.positive('factor')
      return plain.map((frequency) => Math.fround(frequency / factor))
    }
    case 'llama3':
      return llama3(plain, keys, scaling)
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
