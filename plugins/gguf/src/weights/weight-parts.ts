/** The tensors that a packed weight is read as: its blocks' codes and scales, each apart, in the order of the weight's rows. */
import type { Shape } from '@espalier/core'
import type { BlockType } from '../blocks/block-type.js'
import type { PackedBlocks } from '../blocks/packed-blocks.js'

/** A type with packed blocks. */
export type PackedType = BlockType & { readonly packed: PackedBlocks }

/** One of the tensors. */
export interface WeightPart {
  /** Below the layer's path. */
  readonly name: string
  readonly dtype: 'u8' | 'i8' | 'f16'
  /** Bytes of a block's share. */
  readonly blockBytes: number
  /** Takes the share out of a block. */
  take(block: Uint8Array, to: Uint8Array): void
}

/** The parts of a type, the codes first. Absent ones: the type has none. */
export interface WeightParts {
  readonly codes: WeightPart
  readonly scales: WeightPart
  readonly groupScales?: WeightPart
  readonly least?: WeightPart
  readonly groupLeast?: WeightPart
}

const HALF = 2 // bytes of a float16
const PREFIX = 'weight.'

/** The type whose parts a checkpoint has under these names; undefined: of none. */
export function typeNameOf(names: Iterable<string>): string | undefined {
  for (const name of names)
    if (name.startsWith(PREFIX) && name.endsWith(SCALES)) return name.slice(PREFIX.length, -SCALES.length)
  return undefined
}

const SCALES = '.scales'

/** How a type's blocks part. */
export function partsOf({ name: type, size, packed }: PackedType): WeightParts {
  const { group, table, least } = packed
  const groups = size / group
  const all = new Uint8Array(size)
  const numbers = (name: string, write: (block: Uint8Array, to: Int8Array) => void): WeightPart => ({
    name: `${PREFIX}${type}.${name}`,
    dtype: 'i8',
    blockBytes: groups,
    take: (block, to) => write(block, new Int8Array(to.buffer, to.byteOffset, to.byteLength)),
  })
  const half = (name: string, at: number): WeightPart => ({
    name: `${PREFIX}${type}${name}`,
    dtype: 'f16',
    blockBytes: HALF,
    take: (block, to) => to.set(block.subarray(at, at + HALF)),
  })
  return {
    codes: {
      name: 'weight',
      dtype: table === undefined ? 'i8' : 'u8',
      blockBytes: table === undefined ? size : size / 2,
      take(block, to) {
        if (table === undefined) return packed.codes(block, to)
        packed.codes(block, all)
        for (let i = 0; i < to.length; i++) to[i] = ((all[2 * i] as number) << 4) | (all[2 * i + 1] as number)
      },
    },
    scales: half(SCALES, packed.scaleAt),
    ...(packed.groupScales && { groupScales: numbers('group_scales', packed.groupScales) }),
    ...(least && { least: half('.least', least.at) }),
    ...(least?.groupScales && { groupLeast: numbers('group_least', least.groupScales) }),
  }
}

/** All parts, in order. */
export function listed({ codes, scales, groupScales, least, groupLeast }: WeightParts): WeightPart[] {
  return [codes, scales, groupScales, least, groupLeast].flatMap((part) => part ?? [])
}

/** The shape of a part of a weight: codes keep the rows, two in a byte where they have four bits; the others are lists. */
export function partShape(part: WeightPart, { size }: BlockType, shape: Shape): Shape {
  const blocks = shape.reduce((product, length) => product * length, 1) / size
  const bytes = part.dtype === 'f16' ? HALF : 1
  if (part.name !== 'weight') return [(blocks * part.blockBytes) / bytes]
  const columns = shape[shape.length - 1] as number
  return [...shape.slice(0, -1), (columns * part.blockBytes) / size]
}
