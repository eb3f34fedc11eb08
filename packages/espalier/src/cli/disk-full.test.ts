/** The built command on a disk that has no room: what is there stays, the error says so, and with room again the run goes on. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findCheckpoint } from '../checkpoint/find-checkpoint.js'
import { TRAINING_STATE } from '../checkpoint/state-file.js'
import { temporaryFolder, tinyRows } from '../tiny-model.fake.js'
import { adapterBytes, BUILT, curveOf } from './killed-command.fake.js'
import { leftovers } from './killed-runs.fake.js'

const STEPS = 4
const BLOCK = 512 // bytes, of `ulimit -f` as POSIX has it
const PAGE = 4096 // bytes, in which a file system in memory counts

let work: { readonly path: string; remove(): void }
let model: { readonly path: string; remove(): void }
const at = (...names: string[]) => join(work.path, ...names)

/** Runs the command after these words of a shell, which end with `"$@"`; its code and what it said. */
function train(outputDir: string, { shell = 'exec "$@"', more = [] as readonly string[] } = {}) {
  const words = [
    'train',
    '--model',
    model.path,
    '--data',
    at('rows.jsonl'),
    '--output-dir',
    outputDir,
    '--threads',
    '1',
  ]
  words.push('--max-steps', String(STEPS), '--save-steps', '1', '--per-device-train-batch-size', '2', ...more)
  words.push('--lora-r', '32', '--lora-target-modules', 'all-linear', '--quiet') // the state is the largest file
  const command = ['-c', shell, 'sh', process.execPath, BUILT, ...words]
  const { status, stderr } = spawnSync('sh', command, {
    encoding: 'utf8',
    env: { ...process.env, HF_HUB_OFFLINE: '1' },
  })
  return { code: status, stderr }
}

/** Bytes of a folder in pages. */
function pagesOf(folder: string): number {
  const names = readdirSync(folder, { recursive: true }) as string[]
  return names.reduce((sum, name) => sum + Math.ceil(statSync(join(folder, name)).size / PAGE) * PAGE, PAGE)
}

// A file system of its own needs rights over mounts, in a namespace where the system gives them to every user.
const MOUNT = ['unshare', '-Urm', 'sh', '-c'] as const
const canMount = spawnSync(MOUNT[0], [...MOUNT.slice(1), 'mount -t tmpfs none /mnt']).status === 0
if (!canMount) console.log('not run: a file system in memory that is full (no rights to mount one here)')

beforeAll(async () => {
  work = await temporaryFolder()
  model = await temporaryFolder({ model: true })
  writeFileSync(at('rows.jsonl'), tinyRows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  expect(train(at('whole'))).toMatchObject({ code: 0 })
})
afterAll(() => {
  work.remove()
  model.remove()
})

/** What a run without room leaves, and where it goes on to. */
async function goesOn(folder: string, from: readonly number[]) {
  const { record, passedOver } = await findCheckpoint(true, folder)
  expect(passedOver).toEqual([])
  expect(from).toContain(record.position.step)
  expect(train(folder, { more: ['--resume'] })).toMatchObject({ code: 0 })
  expect(adapterBytes(folder)).toEqual(adapterBytes(at('whole')))
  expect(curveOf(folder)).toEqual(curveOf(at('whole')))
  expect(leftovers(folder)).toEqual([])
}

describe.skipIf(process.platform === 'win32')('espalier train without room', { timeout: 120_000 }, () => {
  it('keeps the checkpoints that it has when another one does not fit', async () => {
    for (const file of ['checkpoint-1', 'checkpoint-2', 'run.json', 'log.jsonl'])
      cpSync(at('whole', file), at('limited', file), { recursive: true })
    const blocks = Math.floor(statSync(at('whole/checkpoint-2', TRAINING_STATE)).size / BLOCK)
    for (const attempt of [1, 2]) {
      const limited = `ulimit -f ${Math.floor(blocks / 2)}; exec "$@"` // twice as much where a shell counts in 1024 bytes
      const { code, stderr } = train(at('limited'), { shell: limited, more: ['--resume'] })
      expect({ attempt, code }).toEqual({ attempt, code: 1 })
      expect(stderr).toMatch(/error: a file cannot be written .*reason="EFBIG"/)
      expect(stderr).toContain('code: file.write')
      expect(readdirSync(at('limited')).filter((name) => name.startsWith('checkpoint'))).toEqual(['checkpoint-1', 'checkpoint-2']) // biome-ignore format: one list
    }
    await goesOn(at('limited'), [2])
  })

  it.runIf(canMount).each([1.5, 2.9, 4.2])('says that the disk is full, with room for %f checkpoints', async (room) => {
    const folder = at(`full ${room}`)
    const disk = at(`disk ${room}`)
    for (const path of [folder, disk]) mkdirSync(path)
    const size = Math.round(room * pagesOf(at('whole/checkpoint-1')))
    const inside = `mount -t tmpfs -o size=${size} none '${disk}' || exit 99; "$@"; code=$?; cp -r '${disk}/run/.' '${folder}'; exit $code`
    const { code, stderr } = train(join(disk, 'run'), {
      shell: `exec ${MOUNT.join(' ')} '${inside.replaceAll("'", "'\\''")}' sh "$@"`,
    })
    expect(stderr).toContain('error: a file cannot be written: the disk is full')
    expect(stderr).toContain('code: file.write')
    expect(code).toBe(1)
    await goesOn(folder, room < 2 ? [1] : room < 4 ? [1, 2] : [STEPS])
  })
})
