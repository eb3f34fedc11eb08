/** Expressions of Oniguruma: what they find, what is refused, and that hostile ones end. Expected pieces: tokenizers 0.23. */
import { EspalierError } from '@espalier/core'
import { describe, expect, test } from 'vitest'
import { findExpression, findNative } from './finder.js'
import { budgetFor, Matcher } from './matcher.js'
import { CLIP, GPT2, nativeSource, QWEN2, QWEN3_5 } from './native.js'
import { parseExpression } from './parse.js'

const found = (source: string, text: string) =>
  findExpression(source)(text).map(([start, end]) => text.slice(start, end))

describe('what expressions find', () => {
  test.each<[string, string, string[]]>([
    ['\\w+', 'café x² _٣', ['café', 'x²', '_٣']],
    ['[\\w]+', 'x² ½', ['x']],
    ['\\d', 'a١2²', ['١', '2']],
    ['\\s', 'a\u0085b\ufeffc', ['\u0085']],
    ["(?i:'s|'LL)", "'S'ſ'll", ["'S", "'ſ", "'ll"]],
    ['(?i)K', 'kK\u212a', ['k', 'K', '\u212a']],
    ['[\\p{L}&&[^a-c]]+', 'abcdé', ['dé']],
    ['[[:alpha:]]+|[[:punct:]]', 'ab+1', ['ab', '+']],
    ['a++a|b', 'aab', ['b']],
    ['(?>a|ab)c|b', 'abc', ['b']],
    ['(?<=a)b', 'abb', ['b']],
    ['(?<!a)b', 'abb', ['b']],
    ['\\s+(?!\\S)|\\s', 'a   b', ['  ', ' ']],
    ['^.', 'a\nb', ['a', 'b']],
    ['a{2}|(ab){1,2}?', 'aaabab', ['aa', 'ab', 'ab']],
    ['(a*)*b', 'aab', ['aab']],
    ['\\R', 'a\r\nb\r', ['\r\n', '\r']],
    ['\\x41\\u00e9\\x{1F600}', 'Aé😀', ['Aé😀']],
    ['(?m).+', 'a\nb', ['a\nb']],
    ['(?x) a b # c', 'ab', ['ab']],
  ])('%s', (source, text, pieces) => {
    expect(found(source, text)).toEqual(pieces)
  })

  test('the published ones find the same by either engine', () => {
    const text = "I'm sure it's CAFÉ\u0301 x²½ 東京 12345 <|endoftext|>\r\n\n  \t don't… é\u0300\u0085 \ufeff"
    for (const source of [GPT2, QWEN2, QWEN3_5, CLIP]) {
      const part = parseExpression(source)
      const matcher = new Matcher(source, part)
      const budget = budgetFor(text)
      const stepped: [number, number][] = []
      for (let at = 0; at < text.length; ) {
        const end = matcher.endAt(text, at, budget)
        if (end > at) stepped.push([at, end])
        at = end > at ? end : at + 1
      }
      expect(findNative(new RegExp(nativeSource(part), 'gv'))(text)).toEqual(stepped)
    }
  })
})

const codeOf = (work: () => unknown) => {
  try {
    work()
    return 'none'
  } catch (error) {
    return EspalierError.isInstance(error) ? error.code : String(error)
  }
}

describe('refused expressions', () => {
  test.each(['(a)\\1', '\\X', '(?~a)', '\\p{Nothing}', '(?i:ß)', '(?i:st)', '(?<=a*)b', 'a{2000}', '\\g<a>'])(
    '%s is not known',
    (source) => {
      expect(codeOf(() => findExpression(source))).toBe('config.unsupported')
    },
  )
  test.each(['(', ')', '[', '*', 'a\\', '[b-a]'])('%s is none', (source) => {
    expect(codeOf(() => findExpression(source))).toBe('tokenizer.file')
  })
  test.each(['(a+)+b', '(a|a)*b', '(a|aa)+b', '(?:a*)*b', 'a*a*a*a*a*a*b', '((a+)*)*b'])(
    '%s ends on a hostile text',
    (source) => {
      expect(codeOf(() => findExpression(source)('a'.repeat(200)))).toBe('tokenizer.file')
    },
  )
})
