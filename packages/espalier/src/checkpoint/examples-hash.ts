/** SHA-256 of what rows became: ids, labels and whatever else an example has. */
import { createHash, type Hash } from 'node:crypto'
import { turns } from '@espalier/core'
import type { Examples } from '@espalier/data'

/** The hash, in hexadecimal, over the examples in order. Throws what making an example throws. */
export async function examplesHash(examples: Examples<unknown>): Promise<string> {
  const hash = createHash('sha256')
  const rest = turns()
  for (let index = 0; index < examples.length; index++) {
    add(hash, await examples.example(index))
    await rest()
  }
  return hash.digest('hex')
}

const DEEPEST = 8 // a program's own examples may hold anything, themselves too

function add(hash: Hash, value: unknown, depth = 0): void {
  if (ArrayBuffer.isView(value)) {
    hash.update(`${value.constructor.name} ${value.byteLength};`)
    hash.update(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
  } else if (Array.isArray(value) && value.every((each) => typeof each === 'number')) {
    hash.update(`[${value.join()}]`)
  } else if (typeof value === 'object' && value !== null && depth < DEEPEST) {
    const entries = Object.entries(value)
    hash.update(`${entries.length} of ${Array.isArray(value)};`)
    for (const [name, held] of entries) {
      hash.update(`${JSON.stringify(name)}:`)
      add(hash, held, depth + 1)
    }
  } else if (typeof value === 'string') hash.update(JSON.stringify(value))
  else
    hash.update(typeof value === 'object' || typeof value === 'function' ? `${value === null};` : `${String(value)};`)
}
