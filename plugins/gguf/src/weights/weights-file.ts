/** A GGUF file's tensors as a safetensors file that nobody has written: its bytes are made as they are read. */
import type { RandomAccessFile } from '@espalier/serialization'
import type { StoredTensor } from './stored-tensor.js'

const ALIGNMENT = 8 // bytes, of safetensors' header

/** The file. `file`: the GGUF file, which is closed with it. */
export function weightsFile(name: string, file: RandomAccessFile, tensors: readonly StoredTensor[]): RandomAccessFile {
  let end = 0
  const placed = tensors.map((tensor) => {
    const start = end
    end += tensor.byteLength
    return { tensor, start, end }
  })
  const header = headerBytes(placed)
  return {
    name,
    size: header.byteLength + end,
    async read(start, stop) {
      const result = new Uint8Array(stop - start)
      if (start < header.byteLength) result.set(header.subarray(start, Math.min(stop, header.byteLength)))
      const [from, until] = [start - header.byteLength, stop - header.byteLength]
      for (const place of placed) {
        if (place.end <= from || place.start >= until) continue
        const first = Math.max(from, place.start)
        const bytes = await place.tensor.read(file, first - place.start, Math.min(until, place.end) - place.start)
        if (bytes.byteLength === result.byteLength) return bytes
        result.set(bytes, first - from)
      }
      return result
    },
    close: () => file.close(),
  }
}

function headerBytes(
  placed: readonly { readonly tensor: StoredTensor; readonly start: number; readonly end: number }[],
) {
  const entries = placed.map(({ tensor: { name, dtype, shape }, start, end }) => [
    name,
    { dtype, shape, data_offsets: [start, end] },
  ])
  const text = JSON.stringify(Object.fromEntries(entries))
  const json = new TextEncoder().encode(text)
  const length = Math.ceil(json.byteLength / ALIGNMENT) * ALIGNMENT
  const bytes = new Uint8Array(ALIGNMENT + length).fill(32)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true)
  bytes.set(json, ALIGNMENT)
  return bytes
}
