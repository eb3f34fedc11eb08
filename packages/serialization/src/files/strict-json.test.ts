import { describe, expect, it } from 'vitest'
import { parseJson, parseJsonNodes } from './strict-json.js'

describe('parseJson', () => {
  it.each([
    '{"a":[1,-2.5e3,true,false,null,"x\\n\\u00e9 \\"q\\""],"b":{}}',
    '  [ ]  ',
    '"text"',
    '0',
    '{"a" : 1 ,\n"b":[1 , 2]}',
  ])('reads %s as JSON.parse does', (text) => {
    expect(parseJson(text, 'x.json')).toEqual(JSON.parse(text))
  })

  it.each([
    '',
    '{',
    '{"a"}',
    '{"a":1,}',
    '[1,]',
    '[1 2]',
    '01',
    '1.',
    '+1',
    'NaN',
    'Infinity',
    "{'a':1}",
    '"a',
    '"\\x"',
    '"\u0001"',
    'tru',
    '{} {}',
    '{"a":1,"a":2}',
    '['.repeat(1000),
  ])('refuses %j and names the file', (text) => {
    expect(() => parseJson(text, 'x.json')).toThrow(
      expect.objectContaining({ code: 'file.json', details: expect.objectContaining({ file: 'x.json' }) }),
    )
  })

  it('says the line of the problem', () => {
    expect(() => parseJson('{\n"a": 1\n"b": 2}', 'x.json')).toThrow(
      expect.objectContaining({ details: { file: 'x.json', line: 3 } }),
    )
  })

  it('keeps __proto__ as an ordinary key', () => {
    const value = parseJson('{"__proto__":{"polluted":true}}', 'x.json') as Record<string, unknown>
    expect(Object.keys(value)).toEqual(['__proto__'])
    expect(value.polluted).toBeUndefined()
    expect(parseJsonNodes('{"__proto__":1}')).toEqual(new Map([['__proto__', 1]]))
  })
})
