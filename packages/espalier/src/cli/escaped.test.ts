import { describe, expect, it } from 'vitest'
import { escaped } from './escaped.js'

describe('escaped', () => {
  it('shows what a terminal would obey', () => {
    expect(escaped('\u001b[2Jhidden\u0007\u0000\r\u007f')).toBe('\\u001b[2Jhidden\\u0007\\u0000\\u000d\\u007f')
    expect(escaped('\u009b31mred\u0085')).toBe('\\u009b31mred\\u0085')
    expect(escaped('user\u202egnp.exe\u2066\u200f\u2028')).toBe('user\\u202egnp.exe\\u2066\\u200f\\u2028')
  })

  it('leaves other text as it is', () => {
    const text = 'naïve 東京 😀 👩‍💻 \tتَست\nnext'
    expect(escaped(text)).toBe(text)
  })

  it('keeps JSON the same value', () => {
    const value = { text: '\u001b]0;title\u0007 \u009b31m \u202e \u007f"\\' }
    const line = escaped(JSON.stringify(value))
    expect(line).not.toMatch(/[\u007f\u009b\u202e]/)
    expect(JSON.parse(line)).toEqual(value)
  })
})
