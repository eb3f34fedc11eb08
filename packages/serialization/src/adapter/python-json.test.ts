import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { pythonFloat, pythonJson } from './python-json.js'

const numbers = [
  0, -0, 1, 8, 0.1, 0.0001, 0.00001, 1.5e-7, 123456.789, 1e15, 1e16, 1.5e16, 1e21, 1e22, 1e100, 5e-324, -2.5,
  1.7976931348623157e308, 100, 0.30000000000000004,
]

describe('pythonFloat', () => {
  it('writes floats as Python does', () => {
    expect(numbers.map(pythonFloat)).toEqual([
      '0.0',
      '-0.0',
      '1.0',
      '8.0',
      '0.1',
      '0.0001',
      '1e-05',
      '1.5e-07',
      '123456.789',
      '1000000000000000.0',
      '1e+16',
      '1.5e+16',
      '1e+21',
      '1e+22',
      '1e+100',
      '5e-324',
      '-2.5',
      '1.7976931348623157e+308',
      '100.0',
      '0.30000000000000004',
    ])
    expect([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map(pythonFloat)).toEqual([
      'NaN',
      'Infinity',
      '-Infinity',
    ])
  })

  const python = process.env.ESPALIER_PYTHON
  if (python === undefined) console.log('ESPALIER_PYTHON is not set: numbers were not compared with Python itself')
  it.runIf(python !== undefined)('agrees with Python itself on many numbers (needs ESPALIER_PYTHON)', () => {
    const many = Array.from({ length: 2000 }, (_, i) => (i + 0.5) * 1.37 ** ((i % 400) - 200) * (i % 3 === 0 ? -1 : 1))
    const script = 'import sys, json; print(json.dumps([repr(float(x)) for x in json.load(sys.stdin)]))'
    const out = execFileSync(python!, ['-c', script], { input: JSON.stringify(many) }).toString()
    expect(many.map(pythonFloat)).toEqual(JSON.parse(out))
  })
})

describe('pythonJson', () => {
  it('sorts keys, indents by two, escapes what is not ASCII and ends without a newline', () => {
    const value = { b: [1, 'é\u{1F600}\n"\\\u007f'], a: {}, c: [], B: null, d: { y: true, x: 0 }, skipped: undefined }
    expect(pythonJson(value)).toBe(
      '{\n  "B": null,\n  "a": {},\n  "b": [\n    1,\n    "\\u00e9\\ud83d\\ude00\\n\\"\\\\\u007f"\n  ],\n  "c": [],\n  "d": {\n    "x": 0,\n    "y": true\n  }\n}',
    )
  })

  it('writes whole numbers as floats where the field is one', () => {
    expect(pythonJson({ lora_dropout: 0, r: 8, list: [1e-5] }, (key) => key === 'lora_dropout')).toBe(
      '{\n  "list": [\n    1e-05\n  ],\n  "lora_dropout": 0.0,\n  "r": 8\n}',
    )
  })

  it('refuses what JSON cannot hold', () => {
    expect(() => pythonJson({ a: () => 1 })).toThrow(expect.objectContaining({ code: 'config.value' }))
  })

  const fixtures = process.env.ESPALIER_FIXTURES
  if (fixtures === undefined)
    console.log('ESPALIER_FIXTURES is not set: configurations that PEFT wrote were not written again')
  it.runIf(fixtures !== undefined)('writes every configuration of the fixtures again (needs ESPALIER_FIXTURES)', () => {
    const files = readdirSync(fixtures!, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('adapter_config.json'),
    )
    expect(files.length).toBeGreaterThan(0)
    for (const file of files) {
      const text = readFileSync(join(fixtures!, file), 'utf8')
      // PEFT computes some alphas as floats; those it was given stay whole. So the text may differ in a ".0".
      const alike = (json: string) => json.replace(/\.0(?=,?\n)/g, '')
      expect(alike(pythonJson(JSON.parse(text))), file).toBe(alike(text))
    }
  })
})
