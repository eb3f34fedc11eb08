import { describe, expect, it } from 'vitest'
import { checkFileName } from './file-name.js'

describe('checkFileName', () => {
  it.each(['config.json', 'b/adapter_config.json', '.gitattributes', 'a..b', '...'])('accepts %s', (name) => {
    expect(checkFileName(name)).toBe(name)
  })

  it.each(['', '..', '../x', 'a/../x', '/etc/passwd', 'C:x', 'a/C:x', 'a\\b', 'a//b', './a', 'a/', 'a\u0000b'])(
    'refuses %j',
    (name) => {
      expect(() => checkFileName(name)).toThrow(expect.objectContaining({ code: 'file.name' }))
    },
  )
})
