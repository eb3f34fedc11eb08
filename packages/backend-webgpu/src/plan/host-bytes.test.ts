/** What goes to the device and comes back is what it was, though the device counts in words. */
import { type DType, hostTensor } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { deviceBytes, fromDevice, inDType, toDevice } from './host-bytes.js'

describe('values on their way to the device', () => {
  it.each<[DType, number]>([
    ['f32', 12],
    ['f16', 8],
    ['bf16', 8],
    ['i8', 4],
    ['u8', 4],
    ['bool', 4],
  ])('of %s fill whole words and come back', (dtype, bytes) => {
    const tensor = hostTensor(dtype, [3], [1, 0, 1])
    const sent = toDevice(tensor)
    expect(sent.byteLength).toBe(bytes)
    expect(deviceBytes(tensor)).toBe(bytes)
    expect(fromDevice(tensor, sent)).toEqual(tensor)
  })

  it('that fill words already are not copied', () => {
    const { data, ...spec } = hostTensor('f32', [3], [1, 2, 3])
    expect(toDevice({ ...spec, data }).buffer).toBe(data.buffer)
  })

  it('change their dtype on the host where a program reads them in another', () => {
    expect(inDType(hostTensor('f16', [2], [0.5, -2]), 'f32')).toEqual(hostTensor('f32', [2], [0.5, -2]))
    expect(inDType(hostTensor('f32', [2], [0.5, -2]), 'f16')).toEqual(hostTensor('f16', [2], [0.5, -2]))
  })
})
