/** Rotary positions: heads, or a share of each, turned by angles that config.json asks for. */
import {
  cast,
  concat,
  cos,
  greater,
  mul,
  permute,
  reshape,
  rope,
  select,
  sin,
  sliceAxis,
  type Tensor,
} from '@espalier/core'
import { ConfigKeys } from '../config/config-keys.js'
import { constantRow, reachOf } from './far-frequencies.js'
import { type FarFrequencies, type ScaledFrequencies, scaledFrequencies } from './rotary-scaling.js'

const WIDEST_HEAD = 65_536 // a broken file may say any width, and every pair has a frequency
const DEFAULT_THETA = 10_000 // arXiv:2104.09864 §3.3

/** Cosines and sines, each (batch or 1, tokens, turned / 2). */
export interface RotaryTables {
  readonly cos: Tensor
  readonly sin: Tensor
}

/** Rotary positions of one model. All layers share its tables. */
export class Rotary {
  // Layers ask for the same positions; one table each keeps graphs small before any transform has run.
  private readonly made = new WeakMap<Tensor, RotaryTables>()

  /** Angles per position, float32 values: one for each pair of values of a head that turns. */
  readonly frequencies: readonly number[]
  /** Factor of cosines and sines. */
  readonly scale: number
  /** Positions that a model of them has. */
  readonly maxPositions: number
  /** Frequencies of passes that reach farther than the model was trained to; undefined where they stay the same. */
  readonly far: FarFrequencies | undefined

  /** @param interleaved whether a pair lies side by side, not half of what turns apart. */
  constructor(
    { frequencies, scale, maxPositions, far }: ScaledFrequencies,
    readonly interleaved: boolean = false,
  ) {
    this.frequencies = frequencies
    this.scale = scale
    this.maxPositions = maxPositions
    this.far = far
  }

  /**
   * x (batch, heads, tokens, size) turned by the angles of its positions, (batch or 1, tokens) i32. Values behind the last pair stay.
   * keep: (batch, tokens) bool, false at padding, which does not tell how far the pass reaches.
   */
  turn(x: Tensor, positions: Tensor, keep?: Tensor): Tensor {
    const { cos, sin } = this.at(positions, keep)
    const [size, turned] = [x.shape[3] as number, 2 * this.frequencies.length]
    const part = turned === size ? x : sliceAxis(x, 3, 0, turned)
    const y = this.interleaved ? side(rope(apart(part), cos, sin)) : rope(part, cos, sin)
    return turned === size ? y : concat([y, sliceAxis(x, 3, turned, size)], 3)
  }

  /** positions (batch or 1, tokens) i32 -> tables. Angles are float32 products of position and frequency, as in transformers. */
  at(positions: Tensor, keep?: Tensor): RotaryTables {
    const known = this.made.get(positions)
    if (known !== undefined) return known
    const { scale } = this
    const row = this.rowFor(positions, keep)
    const angles = mul(reshape(cast(positions, 'f32'), [...positions.shape, 1]), row)
    const scaled = (table: Tensor) => (scale === 1 ? table : mul(table, scale))
    const tables = { cos: scaled(cos(angles)), sin: scaled(sin(angles)) }
    this.made.set(positions, tables)
    return tables
  }

  // Frequencies (1, 1, pairs) of a pass.
  private rowFor(positions: Tensor, keep: Tensor | undefined): Tensor {
    const [near, { far }] = [constantRow(this.frequencies), this]
    if (far === undefined) return near
    const reach = reachOf(positions, keep)
    return select(greater(reach, far.from), far.at(reach), near)
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
  /** Its own names of scalings -> those that others know them by. */
  readonly scalings?: Readonly<Record<string, string>>
}

/** Rotary positions of heads of `size`, from `rope_parameters` or the older `rope_theta` and `rope_scaling`. Throws model.unsupported, model.config. */
export function rotaryOf(keys: ConfigKeys, size: number, options: RotaryOptions = {}): Rotary {
  if (size > WIDEST_HEAD) throw keys.conflict('heads are wider than those of any model', { head_dim: size })
  const { share, interleaved, scalings = {} } = options
  const scaling = keys.below('rope_scaling') ?? keys.below('rope_parameters') ?? new ConfigKeys({})
  const theta = scaling.has('rope_theta') ? scaling.positive('rope_theta') : keys.positive('rope_theta', DEFAULT_THETA)
  const turned = share === undefined ? size : turnedSize(keys, scaling, size, share)
  const isPartial = share !== undefined
  return new Rotary(scaledFrequencies({ keys, scaling, theta, size: turned, isPartial, named: scalings }), interleaved)
}

function turnedSize(keys: ConfigKeys, scaling: ConfigKeys, size: number, share: number): number {
  const key = 'partial_rotary_factor'
  const factor = scaling.has(key) ? scaling.positive(key) : keys.positive(key, share)
  const turned = Math.floor(size * factor)
  if (turned < 2 || turned > size || turned % 2 !== 0)
    throw keys.conflict('an even number of the values of a head must turn', { [key]: factor, head_dim: size })
  return turned
}
