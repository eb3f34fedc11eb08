/** Inverse frequencies of rotary positions, by the scaling that stretches them to longer texts. */
import type { Tensor } from '@espalier/core'
import type { ConfigKeys } from '../config/config-keys.js'
import { constantRow, stretchedRow } from './far-frequencies.js'

/** What the frequencies are computed from. */
export interface RotaryRequest {
  readonly keys: ConfigKeys
  /** The keys of the scaling; empty where there is none. */
  readonly scaling: ConfigKeys
  readonly theta: number
  /** Values of a head that turn. */
  readonly size: number
  /** Whether a share of each head may stay. */
  readonly isPartial: boolean
  /** A family's own names of scalings. */
  readonly named: Readonly<Record<string, string>>
}

/** Frequencies of passes that reach behind some position; they then hold for all tokens of the pass. */
export interface FarFrequencies {
  /** Positions of passes that do without. */
  readonly from: number
  /** length: f32 scalar, positions that the longest row of the pass reaches, more than `from` -> (1, 1, pairs). */
  at(length: Tensor): Tensor
}

/** What a scaling gives. */
export interface ScaledFrequencies {
  /** Angles per position, float32 values, one for each pair. */
  readonly frequencies: readonly number[]
  /** Factor of cosines and sines. */
  readonly scale: number
  /** Positions that a model of them has. */
  readonly maxPositions: number
  readonly far?: FarFrequencies
}

type Scaling = (request: RotaryRequest) => Partial<ScaledFrequencies>

const scalings: Readonly<Record<string, Scaling>> = {
  default: () => ({}),
  linear,
  dynamic,
  proportional,
  llama3,
  yarn,
  longrope,
}

/** The frequencies that a scaling asks for. Throws model.unsupported and model.config. */
export function scaledFrequencies(request: RotaryRequest): ScaledFrequencies {
  const { scaling, named } = request
  const key = scaling.has('rope_type') ? 'rope_type' : 'type'
  const text = scaling.text(key, 'default')
  const name = (Object.hasOwn(named, text) ? named[text] : undefined) ?? text
  const make = Object.hasOwn(scalings, name) ? scalings[name] : undefined
  if (make === undefined) throw scaling.unsupported(key, Object.keys(scalings))
  const maxPositions = request.keys.size('max_position_embeddings', 2048)
  return { frequencies: plain(request), scale: 1, maxPositions, ...make(request) }
}

// Every step is rounded to float32, as torch does: at position 100,000 an unrounded frequency is a visible angle off.
const rounded = Math.fround

// theta^(2i / size), the positions that turn pair i by 1.
function periods({ theta, size }: RotaryRequest): number[] {
  return Array.from({ length: size / 2 }, (_, i) => rounded(theta ** rounded((2 * i) / size)))
}

function plain(request: RotaryRequest): number[] {
  return periods(request).map((period) => rounded(1 / period))
}

// The positions that a model was trained for before it was stretched.
function trainedPositions({ keys, scaling }: RotaryRequest): number {
  const key = 'original_max_position_embeddings'
  const from = [keys, scaling].find((each) => each.has(key))
  return from === undefined ? keys.size('max_position_embeddings') : from.size(key)
}

function linear(request: RotaryRequest): Partial<ScaledFrequencies> {
  const factor = request.scaling.positive('factor')
  return { frequencies: plain(request).map((frequency) => rounded(frequency / factor)) }
}

// Dynamic NTK: behind max_position_embeddings the base grows with the text, up to as many times the positions as `factor` says.
function dynamic(request: RotaryRequest): Partial<ScaledFrequencies> {
  const { keys, scaling, size } = request
  const [from, factor] = [keys.size('max_position_embeddings', 2048), scaling.positive('factor')]
  const frequencies = plain(request)
  const at = (length: Tensor) => stretchedRow(frequencies, size, { length, from, factor })
  return { frequencies, maxPositions: Math.max(from, Math.floor(factor * from)), far: { from, at } }
}

// A share of the pairs turns, at the frequencies of the whole head.
function proportional(request: RotaryRequest): Partial<ScaledFrequencies> {
  const { keys, scaling, size } = request
  if (request.isPartial) throw scaling.unsupported('rope_type', Object.keys(scalings))
  const key = 'partial_rotary_factor'
  const share = scaling.has(key) ? scaling.positive(key) : keys.positive(key, 1)
  const factor = scaling.positive('factor', 1)
  const turning = Math.floor((share * size) / 2)
  return { frequencies: plain(request).map((frequency, pair) => (pair < turning ? rounded(frequency / factor) : 0)) }
}

// Llama 3.1: long waves are stretched by `factor`, short ones kept, those between blended.
function llama3(request: RotaryRequest): Partial<ScaledFrequencies> {
  const { keys, scaling } = request
  const factor = scaling.positive('factor')
  const [low, high] = [scaling.positive('low_freq_factor'), scaling.positive('high_freq_factor')]
  if (low >= high)
    throw keys.conflict('high_freq_factor must be above low_freq_factor', {
      low_freq_factor: low,
      high_freq_factor: high,
    })
  const trained = trainedPositions(request)
  const frequencies = plain(request).map((frequency) => {
    const wave = (2 * Math.PI) / frequency
    if (wave > trained / low) return rounded(frequency / factor)
    if (wave < trained / high) return frequency
    const share = (trained / wave - low) / (high - low)
    return rounded(((1 - share) * frequency) / factor + share * frequency)
  })
  return { frequencies }
}

// YaRN: pairs that turn fewer than beta_slow times in the trained positions are stretched, those of more than beta_fast kept. Source: arXiv:2309.00071 §3.2-3.4.
function yarn(request: RotaryRequest): Partial<ScaledFrequencies> {
  const { keys, scaling, theta, size } = request
  const trained = trainedPositions(request)
  const factor = scaling.has('factor') ? scaling.positive('factor') : keys.size('max_position_embeddings') / trained
  const pairOf = (turns: number) => (size * Math.log(trained / (turns * 2 * Math.PI))) / (2 * Math.log(theta))
  const isWhole = scaling.flag('truncate', true)
  const first = pairOf(scaling.positive('beta_fast', 32))
  const last = pairOf(scaling.positive('beta_slow', 1))
  const from = Math.max(isWhole ? Math.floor(first) : first, 0)
  const to = Math.min(isWhole ? Math.ceil(last) : last, size - 1)
  const span = from === to ? 0.001 : to - from
  const frequencies = periods(request).map((period, pair) => {
    const kept = rounded(1 - Math.min(Math.max(rounded(rounded(pair - from) / span), 0), 1))
    const stretched = rounded(1 / rounded(factor * period))
    return rounded(rounded(stretched * rounded(1 - kept)) + rounded(rounded(1 / period) * kept))
  })
  return { frequencies, scale: yarnScale(scaling, factor) }
}

function yarnScale(scaling: ConfigKeys, factor: number): number {
  if (scaling.has('attention_factor')) return scaling.positive('attention_factor')
  const of = (weight: number) => (factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1)
  const [weight, ofAll] = [scaling.number('mscale', 0), scaling.number('mscale_all_dim', 0)]
  return weight !== 0 && ofAll !== 0 ? of(weight) / of(ofAll) : of(1)
}

/** LongRoPE: a factor for each pair, other ones for texts beyond the trained positions. Source: arXiv:2402.13753 §3. */
function longrope(request: RotaryRequest): Partial<ScaledFrequencies> {
  const { keys, scaling } = request
  const trained = trainedPositions(request)
  const [short, long] = [stretched(request, 'short_factor'), stretched(request, 'long_factor')]
  const factor = scaling.has('factor') ? scaling.positive('factor') : keys.size('max_position_embeddings') / trained
  const implied = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(trained))
  return {
    frequencies: short,
    scale: scaling.positive('attention_factor', implied),
    far: { from: trained, at: () => constantRow(long) },
  }
}

function stretched(request: RotaryRequest, key: string): number[] {
  const { keys, scaling, size } = request
  const factors = scaling.numbers(key)
  if (factors.length !== size / 2)
    throw keys.conflict(`${key} must have a number for every pair of values that turn`, {
      [key]: factors.length,
      pairs: size / 2,
    })
  return periods(request).map((period, pair) => rounded(1 / rounded(rounded(factors[pair] as number) * period)))
}
