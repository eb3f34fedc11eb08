import { execFileSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { finishPublication, isUnsettled, publish, startUnfinished } from './publication.js'
import { lockFolder } from './run-lock.js'
import { UNFINISHED } from './run-names.js'

let root = ''
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'espalier-publication-'))
  for (const name of ['adapter_config.json', 'adapter_model.safetensors', 'vocab.json']) write(name, 'old')
  mkdirSync(join(root, 'checkpoint-1'))
  write('checkpoint-1/adapter_config.json', 'old')
  await startUnfinished(root)
  mkdirSync(join(root, UNFINISHED, 'checkpoint-1'), { recursive: true })
  for (const name of ['adapter_config.json', 'adapter_model.safetensors', 'checkpoint-1/new'])
    write(join(UNFINISHED, name), 'new')
})
afterEach(() => rmSync(root, { recursive: true, force: true }))
const write = (name: string, text: string) => writeFileSync(join(root, name), text)
const removes = ['adapter_config.json', 'vocab.json', 'checkpoint-1']

function expectPublished(): void {
  expect(readdirSync(root)).toEqual(['adapter_config.json', 'adapter_model.safetensors', 'checkpoint-1'])
  for (const name of ['adapter_config.json', 'adapter_model.safetensors', 'checkpoint-1/new'])
    expect(readFileSync(join(root, name), 'utf8')).toBe('new')
  expect(readdirSync(join(root, 'checkpoint-1'))).toEqual(['new'])
}

describe('publish', () => {
  it('puts the new files in the place of the old ones', async () => {
    await publish(root, removes)
    expectPublished()
    await finishPublication(root) // nothing is left to do
    expectPublished()
  })

  it('leaves all as it is where a folder lies under the name of a file', async () => {
    rmSync(join(root, 'vocab.json'))
    mkdirSync(join(root, 'vocab.json'))
    write(join(UNFINISHED, 'vocab.json'), 'new')
    await expect(publish(root, removes)).rejects.toMatchObject({ code: 'file.write', details: { file: 'vocab.json' } })
    expect(readFileSync(join(root, 'adapter_config.json'), 'utf8')).toBe('old')
  })

  it('is finished by whoever takes the folder next, wherever it was interrupted', async () => {
    // What the first steps of a publication leave, one more at a time.
    write('.publication.json', JSON.stringify({ removes: ['vocab.json'] }))
    const steps = [
      () => {},
      () => rmSync(join(root, 'adapter_config.json')),
      () => rmSync(join(root, 'vocab.json')),
      () => move('adapter_model.safetensors'),
      () => {
        rmSync(join(root, 'checkpoint-1'), { recursive: true })
        move('checkpoint-1')
      },
      () => move('adapter_config.json'),
      () => rmSync(join(root, UNFINISHED), { recursive: true }),
    ]
    const begun = root
    const saved = mkdtempSync(join(tmpdir(), 'espalier-publication-'))
    try {
      for (const [index, step] of steps.entries()) {
        step()
        cpSync(root, join(saved, String(index)), { recursive: true })
      }
      for (const index of steps.keys()) {
        root = join(saved, String(index))
        const lock = await lockFolder(root)
        await lock.release()
        expectPublished()
      }
    } finally {
      rmSync(begun, { recursive: true })
      root = saved
    }
  })

  it('removes nothing outside of its folder, and nothing of others, whatever a record says', async () => {
    const outside = mkdtempSync(join(tmpdir(), 'espalier-outside-'))
    try {
      writeFileSync(join(outside, 'run.json'), 'mine')
      write('notes.txt', 'mine')
      const records = [
        {
          removes: [
            `../${basename(outside)}`,
            `../${basename(outside)}/run.json`,
            outside,
            '.',
            '..',
            '',
            'notes.txt',
            7,
          ],
        },
        { removes: 'run.json' },
        [],
        null,
      ]
      for (const record of records) {
        write('.publication.json', JSON.stringify(record))
        await finishPublication(root)
      }
      expect(readFileSync(join(outside, 'run.json'), 'utf8')).toBe('mine')
      expect(readFileSync(join(root, 'notes.txt'), 'utf8')).toBe('mine')
    } finally {
      rmSync(outside, { recursive: true })
    }
  })

  it('removes nothing by a record whose files are gone, or that is no record', async () => {
    const before = () => readdirSync(root).filter((name) => name !== '.publication.json')
    rmSync(join(root, UNFINISHED), { recursive: true })
    for (const leave of [() => {}, () => mkdirSync(join(root, UNFINISHED))]) {
      leave()
      const names = before().filter((name) => name !== UNFINISHED)
      write('.publication.json', JSON.stringify({ removes }))
      expect(await isUnsettled(root)).toBe(false)
      await finishPublication(root)
      expect(readdirSync(root)).toEqual(names)
    }
    mkdirSync(join(root, '.publication.json'))
    await finishPublication(root)
    rmSync(join(root, '.publication.json'), { recursive: true })
    if (process.platform !== 'win32') execFileSync('mkfifo', [join(root, '.publication.json')])
    await finishPublication(root) // and does not wait for who writes to the pipe
    expect(before()).toEqual(['adapter_config.json', 'adapter_model.safetensors', 'checkpoint-1', 'vocab.json'])
  })

  it('leaves what others hide in the unfinished folder out of the result', async () => {
    write(join(UNFINISHED, '.DS_Store'), 'hidden')
    await publish(root, removes)
    expectPublished()
  })

  it('takes nothing from where a link in the place of the unfinished folder leads', async () => {
    const outside = mkdtempSync(join(tmpdir(), 'espalier-outside-'))
    try {
      writeFileSync(join(outside, 'adapter_model.safetensors'), 'theirs')
      rmSync(join(root, UNFINISHED), { recursive: true })
      symlinkSync(outside, join(root, UNFINISHED))
      write('.publication.json', JSON.stringify({ removes: [] }))
      await finishPublication(root)
      expect(readdirSync(outside)).toEqual(['adapter_model.safetensors'])
      expect(readFileSync(join(root, 'adapter_model.safetensors'), 'utf8')).toBe('old')
    } finally {
      rmSync(outside, { recursive: true })
    }
  })
})

function move(name: string): void {
  renameSync(join(root, UNFINISHED, name), join(root, name))
}
