/** Optimizer states in bitsandbytes' dynamic code of 8 bits, block by block, packed and unpacked in the graph. Source: arXiv:2110.02861 §2. */
import {
  abs,
  add,
  cast,
  concat,
  constantTensor,
  div,
  floor,
  gatherRows,
  greater,
  type HostTensor,
  hostTensor,
  max,
  min,
  mul,
  reduceMax,
  reshape,
  select,
  slice,
  sqrt,
  type Tensor,
} from '@espalier/core'
import { type CodeTable, signedDynamic, unsignedDynamic } from '../codes/tables.js'

/** Packs the states of 8-bit optimizers: `packing` of the trainer's `packedStates`. */
export interface DynamicStates {
  /** Values that share a scale. */
  readonly blockSize: number
  /** values f32 (n) -> codes u8 (n) and scales f32 (n / blockSize, rounded up). signed: whether values may be below 0. */
  pack(values: Tensor, signed: boolean): { readonly codes: Tensor; readonly scales: Tensor }
  /** The values of codes u8 (n) and scales f32, f32 (n). */
  unpack(codes: Tensor, scales: Tensor, signed: boolean): Tensor
}

const BLOCK = 256 // of bitsandbytes' optimizers

/** Codes and scales of optimizer states as bitsandbytes keeps them: the signed or the unsigned dynamic code, in blocks of 256 values. */
export const dynamicStates: DynamicStates = {
  blockSize: BLOCK,
  pack(values, signed) {
    const table = tableOf(signed)
    const parts = blocksOf(values).map((block) => packedBlocks(block, table))
    return {
      codes: cast(joined(parts.map(({ codes }) => reshape(codes, [-1]))), 'u8'),
      scales: joined(parts.map(({ scales }) => reshape(scales, [-1]))),
    }
  },
  unpack(codes, scales, signed) {
    let block = 0
    const parts = blocksOf(gatherRows(tableOf(signed).values, cast(codes, 'i32'))).map((values) => {
      const [rows = 0] = values.shape
      const own = slice(scales, [block], [block + rows])
      block += rows
      return reshape(mul(values, reshape(own, [rows, 1])), [-1])
    })
    return joined(parts)
  },
}

/** A table as the graph needs it. */
interface GraphTable {
  /** f32 (256): what codes stand for. They are sorted, so a code is its value's place. */
  readonly values: Tensor
  /** f32 (256): half way to the next value, and infinity at last. */
  readonly bounds: Tensor
  /** i32 (2 BUCKETS + 1): a place at most one below that of any value of the bucket. */
  readonly places: Tensor
}

// (n) -> whole blocks (blocks, 256), and what is left over (1, rest).
function blocksOf(values: Tensor): Tensor[] {
  const [size = 0] = values.shape
  const whole = size - (size % BLOCK)
  if (whole === size) return [reshape(values, [-1, BLOCK])]
  const rest = reshape(slice(values, [whole], [size]), [1, size - whole])
  return whole === 0 ? [rest] : [reshape(slice(values, [0], [whole]), [-1, BLOCK]), rest]
}

// As `blockwiseCodes` does on the host: whole blocks are multiplied by one over the scale, short ones divided by it.
function packedBlocks(values: Tensor, table: GraphTable): { readonly codes: Tensor; readonly scales: Tensor } {
  const isShort = values.shape[1] !== BLOCK
  const most = reduceMax(abs(values), { axes: [1], keepDims: true })
  const divisor = max(most, LEAST)
  const scaled = isShort ? div(values, divisor) : mul(values, div(1, divisor))
  return { codes: codesOf(max(min(scaled, 1), -1), table), scales: isShort ? divisor : most }
}

// A bucket by the fourth root, in which codes lie about evenly, gives a place; one comparison, whether it is the next.
function codesOf(x: Tensor, { bounds, places }: GraphTable): Tensor {
  const root = sqrt(sqrt(abs(x)))
  const side = select(greater(x, 0), root, mul(root, -1))
  const bucket = cast(floor(mul(add(side, 1), BUCKETS)), 'i32')
  const place = gatherRows(places, bucket)
  return add(place, cast(greater(x, gatherRows(bounds, place)), 'i32'))
}

// A block of zeros is divided by it. bitsandbytes' own 1e-38 is no normal number, and some devices take such for 0.
const LEAST = 2 ** -126

const BUCKETS = 4096 // to each side of 0: no three neighbours hold two bounds

function bucketOf(x: number): number {
  return Math.floor((Math.sign(x) * Math.sqrt(Math.sqrt(Math.abs(x))) + 1) * BUCKETS)
}

const tables = new Map<boolean, GraphTable>()

// One node each for all states.
function tableOf(signed: boolean): GraphTable {
  const known = tables.get(signed)
  if (known !== undefined) return known
  const made = graphTable(signed ? signedDynamic : unsignedDynamic)
  tables.set(signed, made)
  return made
}

function graphTable({ values, bounds }: CodeTable): GraphTable {
  const buckets = Array.from(bounds.subarray(0, -1), bucketOf)
  // A backend's roots may be off by a little: bounds of the bucket below count as ahead.
  const places = Int32Array.from({ length: 2 * BUCKETS + 1 }, (_, i) => buckets.filter((own) => own < i - 1).length)
  const node = (tensor: HostTensor) => constantTensor(tensor)
  return {
    values: node(hostTensor('f32', [values.length], values)),
    bounds: node(hostTensor('f32', [bounds.length], bounds)),
    places: node(hostTensor('i32', [places.length], places)),
  }
}

function joined(parts: readonly Tensor[]): Tensor {
  return parts.length === 1 ? (parts[0] as Tensor) : concat(parts, 0)
}
