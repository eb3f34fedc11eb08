/** Types whose blocks are 32 weights with one scale; and IQ4_XS, which has eight such blocks to a scale of scales. */
import { counted, type PackedBlocks } from './packed-blocks.js'

const SIZE = 32
const HALF = SIZE / 2

/** (code - 8) * scale. */
export const q4x0 = block('Q4_0', 18, {
  group: SIZE,
  table: counted(-8, 16),
  codes: (bytes, to) => halves(bytes, 2, to, 0),
  scaleAt: 0,
})

/** code * scale + least. */
export const q4x1 = block('Q4_1', 20, {
  group: SIZE,
  table: counted(0, 16),
  codes: (bytes, to) => halves(bytes, 4, to, 0),
  scaleAt: 0,
  least: { at: 2, sign: 1 },
})

/** (code - 16) * scale: the fifth bits of all codes lie before the others. */
export const q5x0 = block('Q5_0', 22, {
  group: SIZE,
  codes(bytes, to) {
    halves(bytes, 6, to, 0)
    for (let i = 0; i < SIZE; i++) to[i] = ((to[i] as number) | fifthBit(bytes, 2, i)) - 16
  },
  scaleAt: 0,
})

/** code * scale + least, codes of five bits. */
export const q5x1 = block('Q5_1', 24, {
  group: SIZE,
  codes(bytes, to) {
    halves(bytes, 8, to, 0)
    for (let i = 0; i < SIZE; i++) to[i] = (to[i] as number) | fifthBit(bytes, 4, i)
  },
  scaleAt: 0,
  least: { at: 2, sign: 1 },
})

/** code * scale, codes of eight bits. */
export const q8x0 = block('Q8_0', 34, {
  group: SIZE,
  codes: (bytes, to) => to.set(bytes.subarray(2, 2 + SIZE)),
  scaleAt: 0,
})

/** Values that codes of four bits stand for where they are closer together around zero. */
const UNEVEN = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]

/** Uneven values times a scale. */
export const iq4Nl = block('IQ4_NL', 18, {
  group: SIZE,
  table: UNEVEN,
  codes: (bytes, to) => halves(bytes, 2, to, 0),
  scaleAt: 0,
})

/** Uneven values; scales of groups have six bits, the upper two of all groups in one number. */
export const iq4Xs = {
  name: 'IQ4_XS',
  size: 256,
  byteLength: 136,
  packed: {
    group: SIZE,
    table: UNEVEN,
    codes(bytes, to) {
      for (let group = 0; group < 8; group++) halves(bytes, 8 + HALF * group, to, SIZE * group)
    },
    scaleAt: 0,
    groupScales(bytes, to) {
      const high = (bytes[2] as number) | ((bytes[3] as number) << 8)
      for (let group = 0; group < 8; group++) {
        const low = ((bytes[4 + (group >> 1)] as number) >> (4 * (group & 1))) & 15
        to[group] = (low | (((high >> (2 * group)) & 3) << 4)) - 32
      }
    },
  } satisfies PackedBlocks as PackedBlocks,
}

// The lower halves of 16 bytes are the first 16 codes, the upper halves the others.
function halves(bytes: Uint8Array, from: number, to: Uint8Array, at: number): void {
  for (let i = 0; i < HALF; i++) {
    const both = bytes[from + i] as number
    to[at + i] = both & 15
    to[at + HALF + i] = both >> 4
  }
}

function fifthBit(bytes: Uint8Array, from: number, i: number): number {
  return (((bytes[from + (i >> 3)] as number) >> (i & 7)) & 1) << 4
}

function block(name: string, byteLength: number, packed: PackedBlocks) {
  return { name, size: SIZE, byteLength, packed }
}
