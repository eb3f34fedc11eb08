import { readFileSync } from 'node:fs'
import { EspalierError } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { renderChat, Template } from './render-chat.js'

/** What transformers 5.18 and Jinja2 3.1 make of a template; written by tools/interop/src/templates/golden.py. */
interface Golden {
  readonly variables: Readonly<Record<string, unknown>>
  readonly rows: readonly {
    readonly template: string
    readonly text?: string
    readonly generated?: readonly (readonly number[])[]
    readonly raises?: string
    readonly address?: boolean
  }[]
}

const golden = JSON.parse(readFileSync(new URL('./__fixtures__/golden.json', import.meta.url), 'utf8')) as Golden
const defaults = { messages: [], tools: null, documents: null, add_generation_prompt: false }
const REFUSED = new Set(['{{ none[1:] }}']) // Jinja2 computes it before Python could raise

function failure(inner: () => unknown): EspalierError {
  try {
    inner()
  } catch (error) {
    if (EspalierError.isInstance(error)) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('templates', () => {
  it.each(golden.rows)('$template', ({ template, text, generated, raises, address }) => {
    const render = () => renderChat(template, { ...defaults, ...golden.variables })
    if (text !== undefined && !REFUSED.has(template)) expect(render()).toEqual({ text, generated })
    else expect(failure(render).code).toBe('tokenizer.template')
    expect(text !== undefined || raises !== undefined || address === true).toBe(true)
  })

  it.each([
    ["{{ raise_exception('roles') }}", 'roles', 1],
    ["\n{{ 'a' + 1 }}", 'TypeError: can only concatenate str (not "int") to str', 2],
    ['a\n\n{{ missing.x }}', "UndefinedError: 'missing' is undefined", 3],
    ['{{ 1 | nope }}', "TemplateSyntaxError: No filter named 'nope'.", 1],
    ['\n{% nope %}', "TemplateSyntaxError: Encountered unknown tag 'nope'.", 2],
    ["{% include 'x' %}", 'the tag include is not run here', 1],
    ['{{ [1].append(2) }}', "SecurityError: access to attribute 'append' of 'list' object is unsafe.", 1],
  ])('%j ends in an error that names the reason and the line', (template, reason, line) => {
    expect(failure(() => renderChat(template, {})).details).toEqual({ reason, line })
  })

  it.each([
    "{{ 'x' * 10 ** 9 }}",
    '{% set ns = namespace(a=[1]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a }}',
    '{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}',
    '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}',
    "{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
    "{{ ' '.center(10 ** 12) }}",
    "{{ '%1000000000d' % 1 }}",
    '{{ 9 ** 99999999 }}',
    "{{ ('a' * 1000).replace('a', 'b' * 10 ** 6) }}",
    '{{ [1] * 10 ** 9 }}',
    '{{ messages | tojson(indent=10 ** 9) }}',
    `{{ ${'('.repeat(5000)}1${')'.repeat(5000)} }}`,
    `${'{% if true %}'.repeat(5000)}${'{% endif %}'.repeat(5000)}`,
  ])('the hostile template %.60j ends', (template) => {
    expect(failure(() => renderChat(template, { messages: [{ a: [1] }] })).code).toBe('tokenizer.template')
  })

  it('values that JSON cannot hold, and integers whose digits are lost, are refused by their place', () => {
    const render = (value: unknown) => failure(() => renderChat('{{ x }}', { x: { y: [value] } })).details.reason
    expect(render(2 ** 60)).toContain('x.y[0] is an integer beyond 2^53')
    expect(render(new Date(0))).toContain('x.y[0] is a Date')
    expect(render(() => 1)).toContain('x.y[0] is a function')
    expect(renderChat('{{ x }}', { x: 2n ** 60n }).text).toBe('1152921504606846976')
    const own: unknown[] = []
    own.push(own)
    expect(failure(() => renderChat('{{ x }}', { x: own })).details.reason).toContain('levels deep')
  })

  it('strftime_now shows the time that is given, as the C locale does', () => {
    const now = new Date(2026, 6, 4, 9, 5, 3)
    const text = '%d %b %Y|%B %-d|%A %H:%M:%S|%j|%y%m%d %I %p %%'
    expect(new Template(`{{ strftime_now('${text}') }}`).render({}, now).text).toBe(
      '04 Jul 2026|July 4|Saturday 09:05:03|185|260704 09 AM %',
    )
  })

  it('a template is compiled once and keeps nothing between renderings', () => {
    const template = new Template(
      '{% set n = (n or 0) + x %}{{ n }}{% for m in xs %}{% generation %}{{ m }}{% endgeneration %}{% endfor %}',
    )
    expect(template.render({ x: 1, xs: ['ab'] })).toEqual({ text: '1ab', generated: [[1, 3]] })
    expect(template.render({ x: 2, xs: ['c', 'd'] })).toEqual({
      text: '2cd',
      generated: [
        [1, 2],
        [2, 3],
      ],
    })
  })
})
