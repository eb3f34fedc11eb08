import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { readConfigFile } from './config-file.js'
import { UsageError } from './failure.js'
import { readJsonFile } from './text-file.js'

const folder = mkdtempSync(join(tmpdir(), 'espalier-config-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
function file(name: string, content: string): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}
const deep = `${'['.repeat(1e5)}${']'.repeat(1e5)}`

describe('readConfigFile', () => {
  it('reads YAML and JSON', async () => {
    expect(await readConfigFile(file('a.yaml', 'lora_r: 4\n'))).toEqual({ lora_r: 4 })
    expect(await readConfigFile(file('a.json', '{"lora_r": 4}'))).toEqual({ lora_r: 4 })
  })

  it('takes the words of YAML for true and false that PyYAML takes', async () => {
    const text = 'a: yes\nb: No\nc: on\nd: OFF\ne: y\nf: "no"\ng: true\nh: yes please\ni: [yes, no]\n'
    const read = { a: true, b: false, c: true, d: false, e: 'y', f: 'no', g: true, h: 'yes please', i: [true, false] }
    expect(await readConfigFile(file('words.yaml', text))).toEqual(read)
  })

  it('says of what is nested without end that it is', async () => {
    for (const path of [file('deep.json', `{"a":${deep}}`), file('deep.yaml', `a: ${deep}\n`)]) {
      const reading = readConfigFile(path)
      await expect(reading).rejects.toThrow(UsageError)
      await expect(reading).rejects.toThrow('nested too deeply')
    }
  })
})

describe('readJsonFile', () => {
  it('names option, file and line of what cannot be read', async () => {
    const path = file('peft.json', '{\n"r": 8,\n"r": 9}')
    await expect(readJsonFile('peft-config', path)).rejects.toThrow(
      `--peft-config cannot be read (${path}: a JSON file cannot be read: the key "r" occurs twice, line 3)`,
    )
    await expect(readJsonFile('messages', file('deep-messages.json', deep))).rejects.toThrow('nested too deeply')
  })
})
