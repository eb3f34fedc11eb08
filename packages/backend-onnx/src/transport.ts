/** What a backend needs from the place where the runtime lives: a way to ask its Host, and a way to make weights available to it. */
import type { DType, ParameterSource, ProgressOptions, Spec } from '@espalier/core'
import type { WeightPlace } from './emit/emit-program.js'
import type { HostAnswers, HostRequest, WireFile, WireTensor } from './host.mjs'

/** Asks the Host. Requests are answered in order. */
export interface Transport {
  request<K extends HostRequest['type']>(request: Extract<HostRequest, { type: K }>): Promise<HostAnswers[K]>
  /** Waits for the request under way, then ends the runtime. */
  close(): Promise<void>
}

/** A weight to place. */
export interface PlacedSource {
  readonly source: ParameterSource
  readonly dtype: DType
}

/** Puts a tensor, or a range of a file that holds one, into the host's memory. */
export type HoldWeight = (tensor: WireTensor | WireFile) => Promise<WeightPlace & { kind: 'buffer' }>

/** Decides where weights lie. */
export interface WeightStore {
  /** Folder that file locations are relative to, for the options of sessions. */
  readonly folder: string | undefined
  /** Places for the sources, in order. */
  place(sources: readonly PlacedSource[], hold: HoldWeight, options: ProgressOptions): Promise<WeightPlace[]>
}

/** Bytes of a tensor of this spec in memory, 16-bit floats being widened. */
export function heldBytes({ dtype, shape }: Spec): number {
  const size = shape.reduce((product, extent) => product * extent, 1)
  return size * (dtype === 'f64' ? 8 : dtype === 'u8' || dtype === 'i8' || dtype === 'bool' ? 1 : 4)
}
