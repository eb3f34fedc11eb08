import { describe, expect, test } from 'vitest'
import type { DataRow } from '../dataset/formats.js'
import { loadDataset } from '../dataset/load-dataset.js'
import { codeOf, tinyTokenizer } from '../fixtures/tiny-tokenizer.js'
import { prepareSft } from './prepare.js'
import { renderSupervision } from './supervision.js'

const tokenizer = tinyTokenizer()
const IGNORED = -100

describe('prepareSft', () => {
  test('a text row gets one end-of-sequence token and trains on all of it', async () => {
    const data = await prepareSft(loadDataset([{ text: 'x' }, { text: 'x<eos>' }]), tokenizer)
    const [first, second] = [await data.example(0), await data.example(1)]
    expect(first).toEqual(second)
    expect([...first.inputIds]).toEqual([...tokenizer.encode('x').inputIds, 1])
    expect(first.labels).toEqual(first.inputIds)
  })

  test('of a prompt and its completion only the completion trains', async () => {
    const data = await prepareSft(loadDataset([{ prompt: 'ab', completion: 'c' }]), tokenizer)
    const { inputIds, labels } = await data.example(0)
    expect([...labels]).toEqual([IGNORED, IGNORED, inputIds[2], 1])
    expect([...data.counts]).toEqual([2])
    const all = await prepareSft(loadDataset([{ prompt: 'ab', completion: 'c' }]), tokenizer, {
      completionOnlyLoss: false,
    })
    expect((await all.example(0)).labels).toEqual(inputIds)
  })

  test('behind virtual tokens the first id counts too where it is supervised', async () => {
    const countsOf = async (row: DataRow, virtualTokens: number) => [
      ...(await prepareSft(loadDataset([row]), tokenizer, { virtualTokens })).counts,
    ]
    const [text, completion] = [{ text: 'abc' }, { prompt: 'ab', completion: 'c' }]
    const [without, behind] = [await countsOf(text, 0), await countsOf(text, 4)]
    expect(behind).toEqual(without.map((count) => count + 1))
    expect(await countsOf(completion, 4)).toEqual(await countsOf(completion, 0))
  })

  test('messages go through the chat template', async () => {
    const rows = [{ prompt: [{ role: 'user', content: 'q' }], completion: [{ role: 'assistant', content: 'a' }] }]
    const data = await prepareSft(loadDataset(rows), tokenizer)
    const { inputIds, labels } = await data.example(0)
    expect(tokenizer.decode(inputIds)).toBe('[user]q<eos>[assistant]a<eos>')
    expect(tokenizer.decode(labels.filter((label) => label !== IGNORED))).toBe('a<eos>')
  })

  test('a row’s chat_template_kwargs reach the template, as in TRL', async () => {
    const chat_template =
      "{% for message in messages %}{{ message.content }}{% endfor %}{% if thinks %}!{% endif %}{{ tools | length if tools else '' }}"
    const thinking = tinyTokenizer({ chat_template })
    const message = (role: string, content: string) => ({ role, content })
    const rows = [
      { messages: [message('user', 'q')], chat_template_kwargs: { thinks: true } },
      { messages: [message('user', 'q')], chat_template_kwargs: null, tools: '[{}]' },
      { messages: [message('user', 'q')], chat_template_kwargs: { chat_template: 'own' } },
    ]
    const data = await prepareSft(loadDataset(rows), thinking)
    const texts = await Promise.all(rows.map(async (_, i) => thinking.decode((await data.example(i)).inputIds)))
    expect(texts).toEqual(['q!', 'q1', 'own'])
    const pair = { prompt: [message('user', 'q')], completion: [message('assistant', 'a')] }
    const both = await prepareSft(loadDataset([{ ...pair, chat_template_kwargs: { thinks: true } }]), thinking)
    expect(thinking.decode((await both.example(0)).inputIds)).toBe('qa!')
    for (const wrong of ['x', { add_generation_prompt: true }, { tools: 5 }])
      expect(await codeOf(() => prepareSft(loadDataset([{ ...pair, chat_template_kwargs: wrong }]), thinking))).toBe(
        'data.row',
      )
  })

  test('a row of a book’s length is refused by its place, before it is tokenized', async () => {
    const book = 'x'.repeat(2 ** 20 + 1)
    const started = performance.now()
    for (const row of [
      { text: book },
      { prompt: 'a', completion: book },
      {
        messages: [
          { role: 'user', content: book },
          { role: 'assistant', content: 'a' },
        ],
      },
    ]) {
      const lines = new Blob([`${JSON.stringify({ ...row, id: 1 })}\n`])
      const preparing = prepareSft(loadDataset<DataRow>(new File([lines], 'books.jsonl')), tokenizer)
      await expect(preparing).rejects.toMatchObject({
        code: 'data.row',
        details: { row: 'books.jsonl:1', characters: expect.any(Number) as number },
      })
    }
    expect(performance.now() - started).toBeLessThan(3000) // tokenizing would take longer
  })

  test('the report counts what was truncated, dropped and cut off', async () => {
    const rows = [
      { prompt: 'ab', completion: 'c' }, // fits
      { prompt: 'ab', completion: 'cdef' }, // loses its end
      { prompt: 'abcdefgh', completion: 'c' }, // nothing left to train on
    ]
    const { report, warnings } = await prepareSft(loadDataset(rows), tokenizer, { maxLength: 5 })
    expect(report).toMatchObject({
      rows: 3,
      kept: 2,
      dropped: 1,
      truncated: 2,
      lostEndOfSequence: 1,
      withoutSupervision: 1,
      tokens: 9,
      supervisedTokens: 5,
      longest: 10,
    })
    expect(warnings).toEqual([
      '1 of 3 rows are dropped: at maxLength 5 nothing is left of them to train on',
      '2 of 3 rows are cut to maxLength 5; the longest has 10 tokens',
      '1 of 3 rows lost their end-of-sequence token: a model does not learn from them to stop',
    ])
    const lines = renderSupervision(report)
    expect(lines.join('\n')).toContain('rows: 2 kept, 1 dropped, 2 truncated (max length 5, longest 10)')
    expect(lines.at(-1)).toBe('ab[[c<eos>]]')
  })

  test('of rows that train whole there is nothing to say', async () => {
    const { warnings } = await prepareSft(loadDataset([{ prompt: 'ab', completion: 'c' }]), tokenizer)
    expect(warnings).toEqual([])
  })

  test('says which rows have nothing that counts, and whose prompt is tokenized otherwise', async () => {
    const { warnings } = await prepareSft(loadDataset([{ text: 'abc' }, { text: '' }]), tokenizer)
    expect(warnings).toEqual(['1 of 2 rows have nothing that counts in the loss'])
    const merging = await prepareSft(loadDataset([{ prompt: 'th', completion: 'e' }]), tokenizer)
    expect(merging.warnings).toEqual([expect.stringMatching(/^1 of 1 rows have a prompt that is tokenized otherwise/)])
  })

  test('data of which a tenth or less is left is refused, with the maxLength that keeps it', async () => {
    const rows = (dropped: number) =>
      loadDataset<DataRow>([
        { prompt: 'a', completion: 'b' },
        ...Array.from({ length: dropped }, () => ({ prompt: 'abcdefgh', completion: 'c' })),
      ])
    await expect(prepareSft(rows(9), tokenizer, { maxLength: 5 })).rejects.toMatchObject({
      code: 'data.unsupervised',
      details: { rows: 10, dropped: 9, maxLength: 5, longest: 10 },
      fix: expect.stringContaining('Set maxLength to 10') as string,
    })
    const most = await prepareSft(rows(8), tokenizer, { maxLength: 5 })
    expect([most.length, most.warnings?.length]).toEqual([1, 2])
    expect((await prepareSft(rows(9), tokenizer, { maxLength: 10 })).length).toBe(10)
  })

  test('keep_end cuts the prompt instead', async () => {
    const data = await prepareSft(loadDataset([{ prompt: 'abcdefgh', completion: 'c' }]), tokenizer, {
      maxLength: 4,
      truncationMode: 'keep_end',
    })
    const { inputIds, labels } = await data.example(0)
    expect(tokenizer.decode(inputIds)).toBe('ghc<eos>')
    expect(labels[1]).toBe(IGNORED)
    expect(labels[2]).toBe(inputIds[2])
  })

  test('rows beyond the cache are tokenized again to the same ids', async () => {
    const rows = Array.from({ length: 300 }, (_, i) => ({ prompt: `p${i}`, completion: `the ${i}` }))
    const held = await prepareSft(loadDataset(rows), tokenizer)
    const again = await prepareSft(loadDataset(rows), tokenizer, { cacheBytes: 0 })
    for (const index of [0, 150, 299]) expect(await again.example(index)).toEqual(await held.example(index))
  })

  test('rows of a generator are all held', async () => {
    const rows = (function* () {
      yield { text: 'a' }
      yield { text: 'b' }
    })()
    const data = await prepareSft(loadDataset(rows), tokenizer, { cacheBytes: 0 })
    expect(tokenizer.decode((await data.example(1)).inputIds)).toBe('b<eos>')
  })

  test('data that cannot be trained on is refused', async () => {
    const prepare = (rows: DataRow[], options = {}) => codeOf(() => prepareSft(loadDataset(rows), tokenizer, options))
    expect(await prepare([])).toBe('data.empty')
    expect(await prepare([{ prompt: 'abcdef', completion: 'x' }], { maxLength: 3 })).toBe('data.unsupervised')
    expect(await prepare([{ q: 'x' }])).toBe('data.shape')
    expect(await prepare([{ text: 'x', label: 1 }])).toBe('data.shape')
    expect(await prepare([{ text: 'x' }, { text: 5 }])).toBe('data.row')
    expect(await prepare([{ prompt: 'x', completion: 'y' }, { prompt: 'x' }])).toBe('data.row')
    expect(await prepare([{ text: 'x' }], { maxLength: 0 })).toBe('config.value')
    expect(await prepare([{ text: 'x' }], { eosToken: '<none>' })).toBe('tokenizer.special')
    const named = prepareSft(loadDataset([{ text: 'x' }, { text: null }]), tokenizer)
    await expect(named).rejects.toThrow(/row="row 2".*found="null"/)
  })

  test('what a template refuses is told with its row and the template’s own words', async () => {
    const chat_template =
      "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system message here') }}{% endif %}{{ m.role + m.content }}{% endfor %}"
    const strict = tinyTokenizer({ chat_template })
    const rows = (second: object) => [{ messages: [{ role: 'user', content: 'q' }] }, { messages: [second] }]
    const prepare = (second: object) => prepareSft(loadDataset(rows(second)), strict)
    const system = prepare({ role: 'system', content: 'x' })
    await expect(system).rejects.toThrow(/row="row 2".*no system message here/)
    expect(await codeOf(() => system)).toBe('tokenizer.template')
    const parts = prepare({ role: 'user', content: [{ type: 'text', text: 'q' }] })
    await expect(parts).rejects.toThrow(/row="row 2".*can only concatenate str \(not \\?"list\\?"\) to str/)
  })

  test('an aborted signal stops the pass', async () => {
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(prepareSft(loadDataset([{ text: 'x' }]), tokenizer, { signal })).rejects.toThrow('enough')
  })
})
