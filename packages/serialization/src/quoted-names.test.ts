import { describe, expect, it } from 'vitest'
import { codeSpan, quoted, yamlScalar } from './quoted-names.js'

describe('yamlScalar', () => {
  it('leaves names and paths as they are', () => {
    for (const name of ['me/base', 'gpt2', '/models/a-b/c.d', './here', '../there', 'base_model:adapter:me/base'])
      expect(yamlScalar(name)).toBe(name)
  })

  it('quotes what YAML would read as something else', () => {
    for (const name of [
      '123',
      '.5',
      '.nan',
      'null',
      'Yes',
      'a:',
      '- a',
      '',
      'a b',
      '&a',
      '{a}',
      '#a',
      'a\nlicense: mit',
    ])
      expect(JSON.parse(yamlScalar(name))).toBe(name)
  })

  it('writes no character that YAML refuses, or that ends a line', () => {
    expect(yamlScalar('a\u0085b\u2028\u009b\u007f\ud800')).toBe('"a\\u0085b\\u2028\\u009b\\u007f\ufffd"')
  })
})

describe('quoted', () => {
  it('is one string for Python too', () => {
    expect(quoted('a"b\\c\n\u202e')).toBe('"a\\"b\\\\c\\n\\u202e"')
  })
})

describe('codeSpan', () => {
  it('holds backticks, and stays one span on one line', () => {
    expect(codeSpan('me/base')).toBe('`me/base`')
    expect(codeSpan('a`b``c')).toBe('```a`b``c```')
    expect(codeSpan('`a`')).toBe('`` `a` ``')
    expect(codeSpan('a\n\n# <script>')).toBe('`a\\u000a\\u000a# <script>`')
  })
})
