import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { clearLeftovers } from './leftovers.js'
import { UNFINISHED } from './run-names.js'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'espalier-left-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const write = (name: string, text = '') => {
  mkdirSync(dirname(join(root, name)), { recursive: true })
  writeFileSync(join(root, name), text)
}
const text = (name: string) => readFileSync(join(root, name), 'utf8')
const aside = (name: string, pid = process.pid) => `.${name}.${pid}.0123abcd.tmp`

it.each(['', `${UNFINISHED}/`])('puts a checkpoint back that was being replaced: in "%s"', async (folder) => {
  const { pid } = spawnSync(process.execPath, ['--version'])
  write(`${folder}${aside('checkpoint-1.replaced', pid)}/a`, 'before')
  write(`${folder}${aside('checkpoint-1', pid)}/a`, 'not yet there')
  write(`${folder}${aside('checkpoint-2.replaced')}/a`, 'before')
  write(`${folder}checkpoint-2/a`, 'after')
  await clearLeftovers(root)
  expect(readdirSync(join(root, folder)).filter((name) => name !== UNFINISHED)).toEqual([
    'checkpoint-1',
    'checkpoint-2',
  ])
  expect([text(`${folder}checkpoint-1/a`), text(`${folder}checkpoint-2/a`)]).toEqual(['before', 'after'])
})

it('removes what a process of an id left that is another one’s now, or this one’s own', async () => {
  const before = new Date('2001-01-01')
  for (const pid of [process.pid, process.ppid]) {
    write(aside('log.jsonl', pid))
    write(aside('run.json', pid))
    utimesSync(join(root, aside('run.json', pid)), before, before)
  }
  await clearLeftovers(root)
  expect(readdirSync(root).sort()).toEqual([process.pid, process.ppid].map((pid) => aside('log.jsonl', pid)).sort())
})
