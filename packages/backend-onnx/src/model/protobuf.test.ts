/** The bytes are those of the protocol buffer specification. */
import { describe, expect, it } from 'vitest'
import { Message } from './protobuf.js'

describe('Message', () => {
  it('writes the examples of the specification', () => {
    expect(Array.from(new Message().int(1, 150).finish())).toEqual([0x08, 0x96, 0x01])
    expect(Array.from(new Message().string(2, 'testing').finish())).toEqual([
      0x12, 7, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67,
    ])
    expect(Array.from(new Message().message(3, new Message().int(1, 150)).finish())).toEqual([
      0x1a, 3, 0x08, 0x96, 0x01,
    ])
    expect(Array.from(new Message().ints(6, [3, 270, 86942]).finish())).toEqual([0x32, 6, 3, 0x8e, 2, 0x9e, 0xa7, 5])
  })

  it('writes negative numbers in ten bytes, numbers above 32 bits, and floats in four', () => {
    expect(Array.from(new Message().int(1, -2).finish())).toEqual([0x08, 0xfe, ...new Array(8).fill(0xff), 0x01])
    expect(Array.from(new Message().int(1, 2 ** 35).finish())).toEqual([0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01])
    expect(Array.from(new Message().float(2, 1).finish())).toEqual([0x15, 0, 0, 0x80, 0x3f])
  })

  it('grows', () => {
    const bytes = new Message().bytes(1, new Uint8Array(1000).fill(7)).int(2, 5).finish()
    expect([bytes.length, bytes[3], bytes[1002], bytes[1004]]).toEqual([1005, 7, 7, 5])
  })
})
