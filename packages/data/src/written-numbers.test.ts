import { describe, expect, test } from 'vitest'
import { copiedRow } from './dataset/copied-row.js'
import { loadDataset } from './dataset/load-dataset.js'
import { templateOptions } from './sft/template-options.js'
import { renderChat } from './template/render-chat.js'
import { parseJsonText } from './written-numbers.js'

const TEXT =
  '{"messages":[{"role":"user","content":"1.0: {\\"a\\": 1.0}","n":[1.0,1,-0.0,1e5,1E2,2.50,12345678901234567890,0.5e1,-7],"a":{"1.0":1.0,"a\\"b":2.0},"a":{"k":3.0}}],"x":3}'

// Python: print(json.loads(TEXT)["messages"][0]["n"]), and so on.
const PRINTED = "[1.0, 1, -0.0, 100000.0, 100.0, 2.5, 12345678901234567890, 5.0, -7]{'k': 3.0}3"
const TEMPLATE = '{{ messages[0].n }}{{ messages[0].a }}{{ x }}'

describe('parseJsonText', () => {
  test('gives the values of JSON.parse, and templates the numbers as Python reads them', () => {
    const value = parseJsonText(TEXT) as Record<string, unknown>
    expect(value).toEqual(JSON.parse(TEXT))
    expect(renderChat(TEMPLATE, value)).toMatchObject({ text: PRINTED })
    expect(renderChat(TEMPLATE, copiedRow(value))).toMatchObject({ text: PRINTED })
  })

  test('a number that was changed since is printed as it is now', () => {
    const value = parseJsonText('{"n":[1.0,12345678901234567890]}') as { n: number[] }
    value.n[1] = 2
    expect(renderChat('{{ n }}', value).text).toBe('[1.0, 2]')
  })

  test.each(['', '{', '[1.0,]', '{"a":01}', '{"a":1.}'])('%j is refused as by JSON.parse', (text) => {
    expect(() => parseJsonText(text)).toThrow(SyntaxError)
  })

  test('takes a time that grows with the text, also of one that is nested deeply', () => {
    const depth = 100_000
    const text = `${'['.repeat(depth)}1.0${']'.repeat(depth)}`
    expect(JSON.stringify(parseJsonText(`[${'1.0,'.repeat(depth)}1]`)).length).toBe(2 * depth + 3)
    expect(parseJsonText(text)).toHaveLength(1)
  })
})

describe('rows of files', () => {
  test.each(['rows.jsonl', 'rows.json'])('of %s bring their numbers to templates', async (name) => {
    const row = '{"n":{"a":1.0},"chat_template_kwargs":{"t":2.0},"tools":"[{\\"max\\":3.0}]"}'
    const text = name.endsWith('l') ? `${row}\n` : `[${row}]`
    const rows = []
    for await (const each of loadDataset(new File([text], name))) rows.push(each)
    const [first] = rows as [Record<string, unknown>]
    const { tools, variables } = templateOptions(first, 'row 1')
    expect(renderChat('{{ n }}{{ tools }}', { n: first.n, tools }).text).toBe("{'a': 1.0}[{'max': 3.0}]")
    expect(renderChat('{{ t }}', variables ?? {}).text).toBe('2.0')
  })
})
