/** Weights that are packed into codes, known by their own names and dtypes where config.json is silent about them. */
import { isFloat } from '@espalier/core'
import { bitsOf, coreDType } from '../safetensors/dtype.js'
import type { TensorEntry } from '../safetensors/header.js'

// What quantizers store beside the codes of a weight, or in place of it; no weight of floats has such neighbours.
const COMPANION =
  /\.(?:weight\.(?:absmax|quant_state\..+)|SCB|qweight|W_q|weight\._data|weight_packed|weight_scale_inv)$/
const CODES = /(?:^|\.)weight$|_proj_blocks$/
const MOST_BITS = 32 // wider whole numbers save nothing: a fault in the file

/** Names of tensors that are codes of packed weights, or of what only packed weights have beside them. Empty: floats. */
export function packedTensors(tensors: ReadonlyMap<string, Pick<TensorEntry, 'dtype'>>): string[] {
  return [...tensors].flatMap(([name, { dtype }]) => (COMPANION.test(name) || isCodes(name, dtype) ? [name] : []))
}

function isCodes(name: string, dtype: TensorEntry['dtype']): boolean {
  const core = coreDType(dtype)
  return CODES.test(name) && bitsOf(dtype) <= MOST_BITS && (core === undefined || !isFloat(core))
}
