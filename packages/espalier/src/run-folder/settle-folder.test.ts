import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { finishPublication } from './publication.js'
import { lockFolder } from './run-lock.js'
import { LOCK_FILE, RECORD, UNFINISHED } from './run-names.js'
import { settleFolder } from './settle-folder.js'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'espalier-settle-'))
  mkdirSync(at(UNFINISHED))
  for (const name of ['adapter_config.json', 'vocab.json']) writeFileSync(at(name), 'old')
  writeFileSync(at(`${UNFINISHED}/adapter_config.json`), 'new')
  writeFileSync(at(RECORD), JSON.stringify({ removes: ['vocab.json'] }))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))
const at = (name: string) => join(root, name)

function expectSettled(): void {
  expect(readdirSync(root)).toEqual(['adapter_config.json'])
  expect(readFileSync(at('adapter_config.json'), 'utf8')).toBe('new')
}

/** What a process that lives wrote, of this machine or of another one. */
function holdElsewhere(host = hostname()): void {
  const holder = { pid: process.ppid, host, started: new Date().toISOString(), token: 'a' }
  writeFileSync(at(LOCK_FILE), JSON.stringify(holder))
}

describe('settleFolder', () => {
  it('finishes what was interrupted, also for many readers at once', async () => {
    await Promise.all(Array.from({ length: 5 }, () => settleFolder(root)))
    expectSettled()
  })

  it('waits for a run that publishes, and touches nothing meanwhile', async () => {
    holdElsewhere()
    const before = readdirSync(root)
    const settling = settleFolder(root)
    await sleep(120)
    expect(readdirSync(root)).toEqual(before)
    await finishPublication(root) // as the run does
    unlinkSync(at(LOCK_FILE))
    await settling
    expectSettled()
  })

  it('says who holds it when that does not end, and how to take over', async () => {
    holdElsewhere('another machine')
    const before = readdirSync(root)
    await expect(settleFolder(root, { patienceMs: 0 })).rejects.toMatchObject({
      code: 'run.unsettled',
      details: { folder: root },
      fix: expect.stringMatching(/process \d+ of another machine.*\.espalier\.lock/),
      cause: { code: 'run.locked' },
    })
    expect(readdirSync(root)).toEqual(before)
  })

  it('stops waiting when it is told to', async () => {
    holdElsewhere()
    const stop = new AbortController()
    const settling = settleFolder(root, { signal: stop.signal })
    const reason = new Error('enough')
    stop.abort(reason)
    await expect(settling).rejects.toBe(reason)
  })

  it('says that it cannot where a file does not find its place', async () => {
    rmSync(at('adapter_config.json'))
    writeFileSync(at(`${UNFINISHED}/run.json`), 'new')
    mkdirSync(at('run.json/in the way'), { recursive: true })
    await expect(settleFolder(root)).rejects.toMatchObject({ code: 'run.unsettled', cause: { code: 'file.write' } })
    expect(readdirSync(root)).not.toContain(LOCK_FILE)
  })

  it('asks nothing of a folder where all is in its place, whoever holds it', async () => {
    await (await lockFolder(root)).release()
    holdElsewhere()
    await settleFolder(root, { patienceMs: 0 })
    writeFileSync(at(RECORD), JSON.stringify({ removes: ['adapter_config.json'] })) // alone
    await settleFolder(root, { patienceMs: 0 })
    expect(readFileSync(at('adapter_config.json'), 'utf8')).toBe('new')
  })
})
