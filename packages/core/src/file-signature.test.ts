import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { fileSignature } from './file-signature.js'

const bytes = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0))

describe('fileSignature', () => {
  it('knows archives and formats by their first bytes', () => {
    expect(fileSignature(gzipSync('{"a":1}'))).toMatchObject({ name: 'gzip', kind: 'compressed' })
    expect(fileSignature(bytes('PK\x03\x04\x14'))).toMatchObject({ name: 'zip', kind: 'archive' })
    expect(fileSignature(bytes('GGUF\x03\0\0\0'))).toMatchObject({ name: 'GGUF', kind: 'format' })
    expect(fileSignature(bytes('BZh91AY&SY'))).toMatchObject({ name: 'bzip2' })
  })

  it('takes text for no other kind, even where it begins alike', () => {
    for (const text of ['', '{"a":1}', 'GGUF', 'GGUF is a format', 'BZh9 is how bzip2 begins', 'PK', '7z'])
      expect(fileSignature(bytes(text))).toBeUndefined()
  })
})
