/** A run that is stopped under one version of Node goes on under others: `npm run check:nodes`, which names the programs in ESPALIER_NODES. */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder, tinyRows } from '../tiny-model.fake.js'
import { adapterBytes, BUILT, curveOf, type OnTheWay, runKilled } from './killed-command.fake.js'
import { cliCommand } from './run-cli.fake.js'

const NODES = (process.env.ESPALIER_NODES ?? '').split(delimiter).filter(Boolean)
if (NODES.length === 0) console.log('not run: going on under other versions of Node (ESPALIER_NODES is not set)')

const STEPS = 60 // enough of them are left after a kill for it to meet a run on a busy machine
let work: { readonly path: string; remove(): void }
let model: { readonly path: string; remove(): void }
const at = (...names: string[]) => join(work.path, ...names)

beforeAll(async () => {
  work = await temporaryFolder()
  model = await temporaryFolder({ model: true })
  writeFileSync(at('rows.jsonl'), tinyRows.map((row) => `${JSON.stringify(row)}\n`).join(''))
})
afterAll(() => {
  work.remove()
  model.remove()
})

/** Runs the built command by one of the programs; its exit code, null when it was killed. */
function train(node: string, name: string, more: readonly string[] = [], onTheWay: OnTheWay = {}) {
  const words = ['train', '--model', model.path, '--data', at('rows.jsonl'), '--output-dir', at(name), '--threads', '1']
  words.push('--max-steps', String(STEPS), '--save-steps', '3', '--per-device-train-batch-size', '2')
  words.push('--lora-r', '2', '--lora-dropout', '0.1', '--learning-rate', '0.01', '--lr-scheduler-type', 'cosine')
  words.push('--eval-data', at('rows.jsonl'), '--eval-strategy', 'steps', '--eval-steps', '5', '--quiet', '--json')
  return runKilled({ ...cliCommand([]), words: [node, BUILT, ...words, ...more] }, onTheWay)
}

const versionOf = (node: string) => execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()
const changesOf = (name: string) =>
  (JSON.parse(readFileSync(at(name, 'run.json'), 'utf8')) as { resumed: { changes: string[] } }).resumed.changes

/** All orders of three of the programs: each goes on after each other one. */
const orders = NODES.flatMap((first) =>
  NODES.flatMap((second) => NODES.map((third) => [first, second, third] as const)),
).filter((order) => new Set(order).size === order.length)

describe.runIf(NODES.length > 0)('a run under several versions of Node', { timeout: 120_000 }, () => {
  beforeAll(async () => {
    expect(orders.length).toBeGreaterThan(0)
    expect(new Set(NODES.map(versionOf)).size).toBe(NODES.length)
    expect(await train(NODES[0] as string, 'whole')).toBe(0)
    expect(curveOf(at('whole')).at(-1)).toMatchObject({ step: STEPS })
  })

  it.each(orders.map((order) => [order.map(versionOf), order] as const))(
    'goes on under each after it was killed, to the loss curve and the bytes of the unbroken one: %s',
    async ([first, second, third], nodes) => {
      const name = `${first} ${second} ${third}`
      expect(await train(nodes[0], name, [], { kill: { step: 10, afterMs: 0 } })).toBeNull()
      expect(await train(nodes[1], name, ['--resume'], { kill: { step: 25, afterMs: 0 } })).toBeNull()
      expect(changesOf(name)).toEqual([`node: ${first} -> ${second}`])
      expect(await train(nodes[2], name, ['--resume'])).toBe(0)
      expect(changesOf(name)).toEqual([`node: ${second} -> ${third}`])
      expect(curveOf(at(name))).toEqual(curveOf(at('whole')))
      expect(adapterBytes(at(name))).toEqual(adapterBytes(at('whole')))
    },
  )
})
