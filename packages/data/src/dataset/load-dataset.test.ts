import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import { codeOf } from '../fixtures/tiny-tokenizer.js'
import type { DataFile } from './data-file.js'
import type { Dataset } from './dataset.js'
import type { DataRow } from './formats.js'
import { loadDataset, type TextRow } from './load-dataset.js'

const folder = mkdtempSync(join(tmpdir(), 'espalier-data-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

async function all<Row>(dataset: Dataset<Row>): Promise<Row[]> {
  const rows: Row[] = []
  for await (const row of dataset) rows.push(row)
  return rows
}

/** Each byte as a row. */
function rowsOfBytes(): TransformStream<Uint8Array, TextRow> {
  return new TransformStream({
    transform: (bytes, controller) => {
      for (const byte of bytes) controller.enqueue({ text: String.fromCharCode(byte) })
    },
  })
}

describe('loadDataset', () => {
  test('reads JSONL with a byte-order mark, CRLF, blank lines and no final newline', async () => {
    const path = file('a.jsonl', '\uFEFF{"text":"é"}\r\n\r\n  \n{"text":"b\\n"}\r\n{"text":"c\u2028d"}')
    expect(await all(loadDataset<TextRow>(path))).toEqual([{ text: 'é' }, { text: 'b\n' }, { text: 'c\u2028d' }])
  })

  test('a broken line is named by file and line', async () => {
    const path = file('broken.jsonl', '{"a":1}\n\n{"a":\n{"a":2}\n')
    await expect(all(loadDataset(path))).rejects.toMatchObject({
      code: 'data.json',
      details: { file: 'broken.jsonl', line: 3 },
    })
    const notObject = file('array.jsonl', '{"a":1}\n[1]\n')
    await expect(all(loadDataset(notObject))).rejects.toMatchObject({
      code: 'data.json',
      details: { line: 2, found: 'array' },
    })
  })

  test('lines that cross the edges of read chunks come out whole', async () => {
    const rows = Array.from({ length: 5000 }, (_, i) => ({ text: `${i} ${'é'.repeat(i % 700)}` }))
    const path = file('long.jsonl', rows.map((row) => JSON.stringify(row)).join('\n'))
    expect(await all(loadDataset<TextRow>(path))).toEqual(rows)
  })

  test('rows can be read any number of times, and again by their place', async () => {
    const dataset = loadDataset<TextRow>(file('again.jsonl', '{"text":"a"}\n{"text":"b"}\n'))
    const places = []
    for await (const { place } of dataset.placedRows()) places.push(place)
    expect(await all(dataset)).toHaveLength(2)
    expect(await dataset.readAgain(places[1] as [number, number])).toEqual({ text: 'b' })
  })

  test('reads CSV with quotes, commas, doubled quotes and line breaks in fields', async () => {
    const path = file('a.csv', 'name,note\r\n"a, b","say ""hi""\nthere"\r\nplain 5",\r\n"",x\r\n')
    expect(await all(loadDataset(path))).toEqual([
      { name: 'a, b', note: 'say "hi"\nthere' },
      { name: 'plain 5"', note: '' },
      { name: '', note: 'x' },
    ])
  })

  test('a broken CSV row is named by its line', async () => {
    const fields = file('fields.csv', 'a,b\n"1\n2",x\n1,2,3\n')
    await expect(all(loadDataset(fields))).rejects.toMatchObject({ code: 'data.csv', details: { line: 4, fields: 3 } })
    expect(await codeOf(() => all(loadDataset(file('open.csv', 'a,b\n"1,2\n3,4\n'))))).toBe('data.csv')
    expect(await codeOf(() => all(loadDataset(file('after.csv', 'a\n"1"2\n'))))).toBe('data.csv')
    expect(await codeOf(() => all(loadDataset(file('twice.csv', 'a,a\n1,2\n'))))).toBe('data.csv')
  })

  test('a field of many megabytes and doubled quotes is split', async () => {
    const field = '""'.repeat(4e6)
    const [row] = await all(loadDataset<DataRow>(file('quotes.csv', `a,b\n"${field}",x\n`)))
    expect([String(row?.a).length, row?.b]).toEqual([4e6, 'x'])
  })

  test.each(['.jsonl', '.txt', '.csv'])(
    'a %s record that is too long is refused before the file is read',
    async (format) => {
      let bytesRead = 0
      const endless: DataFile = {
        name: `endless${format}`,
        byteLength: async () => 2 ** 40,
        read: async (start, end) => {
          bytesRead += end - start
          return new Uint8Array(end - start).fill(start === 0 && format === '.csv' ? 0x22 : 0x61)
        },
      }
      await expect(all(loadDataset(endless))).rejects.toMatchObject({
        code: 'data.file',
        what: 'a record is longer than 64 MiB',
        details: { line: 1 },
      })
      expect(bytesRead).toBeLessThan(80 * 2 ** 20)
    },
  )

  test('a record is joined once, however many reads it takes', async () => {
    const text = 'a'.repeat(5 << 20)
    const reads: number[] = []
    const bytes = Buffer.from(`{"text":"${text}"}\n{"text":"b"}`)
    const counted: DataFile = {
      name: 'long.jsonl',
      byteLength: async () => bytes.length,
      read: async (start, end) => {
        reads.push(end - start)
        return bytes.subarray(start, end)
      },
    }
    expect(await all(loadDataset(counted))).toEqual([{ text }, { text: 'b' }])
    expect(reads.reduce((sum, length) => sum + length, 0)).toBeLessThan(bytes.length + 100)
  })

  test.each(['.jsonl', '.json', '.csv', '.tsv', '.txt'])(
    'a compressed file called %s is refused as such',
    async (format) => {
      const packed = gzipSync('{"text":"a"}\n')
      await expect(all(loadDataset(file(`packed${format}`, packed)))).rejects.toMatchObject({
        code: 'data.file',
        what: expect.stringContaining('compressed (gzip)') as string,
        fix: expect.stringContaining('gunzip') as string,
      })
      const parquet = file(`parquet${format}`, Buffer.from('PAR1\x15\x04\x15'))
      expect(await codeOf(() => all(loadDataset(parquet)))).toBe('config.unsupported')
      await expect(all(loadDataset(file(`gguf${format}`, Buffer.from('GGUF\x03\0\0\0'))))).rejects.toThrow('GGUF')
    },
  )

  test('a compressed file is told by its name too', () => {
    for (const [name, kind] of Object.entries({ 'a.jsonl.gz': 'gzip', 'a.ZST': 'zstd', 'a.zip': 'zip' }))
      expect(() => loadDataset(join(folder, name))).toThrow(`compressed (${kind})`)
  })

  test('reads JSON by content, as datasets does, whatever its name says', async () => {
    const two = [{ a: 1 }, { a: 2 }]
    for (const text of ['{"a":1}\n{"a":2}\n', '\uFEFF [{"a":1},\n {"a":2}]', '\n\n[\n{"a":1},{"a":2}\n]']) {
      for (const name of ['kind.json', 'kind.jsonl']) {
        const rows = loadDataset(file(name, text))
        expect(await all(rows)).toEqual(two)
        expect(await all(rows)).toEqual(two)
      }
    }
    for (const text of ['{"a":1}', '{\n "a": 1\n}'])
      expect(await all(loadDataset(file('one.json', text)))).toEqual([{ a: 1 }])
    const broken = all(loadDataset(file('lines.json', '{"a":1}\n\n{"a"\n')))
    await expect(broken).rejects.toMatchObject({ code: 'data.json', details: { line: 3 } })
  })

  test('reads TSV without quoting, text by lines, and JSON arrays', async () => {
    expect(await all(loadDataset(file('a.tsv', 'sentence\tlabel\n"a\t1\n')))).toEqual([{ sentence: '"a', label: '1' }])
    expect(await all(loadDataset(file('a.txt', 'one\r\n\ntwo')))).toEqual([{ text: 'one' }, { text: 'two' }])
    expect(await all(loadDataset(file('a.json', '[{"a":1}]')))).toEqual([{ a: 1 }])
    expect(await all(loadDataset(file('b.json', '{"data":[{"a":1}]}')))).toEqual([{ a: 1 }])
    expect(await codeOf(() => all(loadDataset(file('c.json', '[1]'))))).toBe('data.json')
    const late = loadDataset(join(folder, 'late.json'))
    expect(await codeOf(() => all(late))).toBe('data.file')
    file('late.json', '[{"a":1}]')
    expect(await all(late)).toEqual([{ a: 1 }]) // a failure is not kept
  })

  test('reads rows, generators, blobs and files of one’s own', async () => {
    const rows = [{ text: 'a' }, { text: 'b' }]
    expect(await all(loadDataset(rows))).toEqual(rows)
    const generated = loadDataset(
      (async function* () {
        yield* rows
      })(),
    )
    expect(generated.isRereadable).toBe(false)
    expect(await all(generated)).toEqual(rows)
    expect(await codeOf(() => generated.readAgain([0, 1]))).toBe('data.file')
    const blob = new Blob(['a,b\n1,2\n'])
    expect(await all(loadDataset<DataRow>(blob, { format: '.csv' }))).toEqual([{ a: '1', b: '2' }])
    expect(await codeOf(() => all(loadDataset([1 as unknown as DataRow])))).toBe('data.json')
  })

  test('rows of an iterator are read once: a second pass is refused, one of a function that makes iterators is not', async () => {
    const generate = function* () {
      yield { text: 'a' }
      yield { text: 'b' }
    }
    const stream = () => new Blob(['ab']).stream().pipeThrough(rowsOfBytes()) as AsyncIterable<TextRow>
    for (const spent of [loadDataset(generate()), loadDataset(generate()).map((row) => row), loadDataset(stream())]) {
      expect(await spent.numRows()).toBe(2)
      await expect(all(spent)).rejects.toMatchObject({
        code: 'data.file',
        fix: expect.stringContaining('loadDataset(() => ') as string,
      })
    }
    const broken = loadDataset(generate())
    for await (const _ of broken) break
    expect(await codeOf(() => all(broken))).toBe('data.file')

    for (const make of [generate, () => stream(), async () => generate(), () => [{ text: 'a' }, { text: 'b' }]]) {
      const made = loadDataset<TextRow>(make)
      for (let pass = 0; pass < 2; pass++) expect(await all(made)).toEqual([{ text: 'a' }, { text: 'b' }])
      expect(await all(made.shuffle({ seed: 1 }))).toHaveLength(2)
    }
    const same = generate()
    const made = loadDataset<TextRow>(() => same)
    await all(made)
    expect(await codeOf(() => all(made))).toBe('data.file')
    expect(await codeOf(() => all(loadDataset<TextRow>(() => 5 as never)))).toBe('config.value')
    expect(await all(loadDataset(new Set(generate())).filter(() => true))).toHaveLength(2)
  })

  test('sources that Python takes are answered with what to write here', () => {
    const refused: readonly (readonly [() => unknown, string])[] = [
      [
        () => loadDataset(['a.jsonl', 'b.jsonl'] as never),
        'concatenateDatasets(paths.map((path) => loadDataset(path)))',
      ],
      [() => loadDataset([loadDataset('a.jsonl')] as never), 'concatenateDatasets'],
      [() => loadDataset('json', { dataFiles: ['a.jsonl'] } as never), "loadDataset('a.jsonl')"],
      [() => loadDataset('csv', { data_files: 'b.csv' } as never), "loadDataset('b.csv')"],
      [() => loadDataset('json', { dataFiles: { train: 'c.json', test: 'd.json' } } as never), "loadDataset('c.json')"],
      [() => loadDataset('json', { dataFiles: ['a.jsonl', 'b.jsonl'] } as never), 'concatenateDatasets'],
      [() => loadDataset('a.jsonl', { split: 'train' } as never), 'trainTestSplit'],
      [() => loadDataset({ text: ['a', 'b'] } as never), 'one object per row'],
      [() => loadDataset({ train: 'a.jsonl' } as never), "loadDataset('a.jsonl')"],
      [() => loadDataset(Promise.resolve([]) as never), 'await'],
      [() => loadDataset('stanfordnlp/imdb'), 'download'],
      [() => loadDataset('a.jsonl', 'train' as never), 'by name'],
    ]
    for (const [call, fix] of refused) expect(call).toThrow(fix)
  })

  test('options that do not exist are refused', () => {
    expect(() => loadDataset('a.jsonl', { split: 'train' } as object)).toThrow('Use trainTestSplit')
    expect(() => loadDataset('a.jsonl', { text_field: 'q' } as object)).toThrow('Did you mean textField?')
  })

  test('files that cannot be read are refused', async () => {
    expect(await codeOf(() => all(loadDataset(join(folder, 'missing.jsonl'))))).toBe('data.file')
    expect(await codeOf(() => loadDataset(join(folder, 'a.xlsx')))).toBe('data.file')
    expect(await codeOf(() => loadDataset(join(folder, 'a.parquet')))).toBe('config.unsupported')
    expect(await codeOf(() => all(loadDataset(file('utf16.jsonl', Buffer.from('\uFEFF{}', 'utf16le')))))).toBe(
      'data.file',
    )
    expect(await codeOf(() => all(loadDataset(file('latin.txt', Uint8Array.of(0xe9, 0x0a)))))).toBe('data.file')
    expect(await codeOf(() => all(loadDataset(`${folder}/`, { format: '.jsonl' })))).toBe('data.file')
  })

  test('a file larger than memory streams', async () => {
    const line = new TextEncoder().encode(`${JSON.stringify({ text: 'x'.repeat(32_000) })}\n`)
    const lines = 40_000 // 1.3 GB that exist nowhere
    const virtual: DataFile = {
      name: 'huge.jsonl',
      byteLength: async () => line.length * lines,
      read: async (start, end) => {
        const bytes = new Uint8Array(end - start)
        for (let at = start; at < end; ) {
          const part = line.subarray(at % line.length, Math.min(line.length, (at % line.length) + end - at))
          bytes.set(part, at - start)
          at += part.length
        }
        return bytes
      },
    }
    let [rows, peak] = [0, 0]
    const before = process.memoryUsage().rss
    for await (const row of loadDataset<TextRow>(virtual)) {
      if (row.text.length === 32_000) rows += 1
      if (rows % 1000 === 0) peak = Math.max(peak, process.memoryUsage().rss)
    }
    expect(rows).toBe(lines)
    expect(peak - before).toBeLessThan(400e6) // chunks of 1 MB and what the collector has not yet taken
  })
})
