/** docs/from-python.md names only what exists. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import * as espalier from './index.js'

const page = readFileSync(new URL('../../../docs/from-python.md', import.meta.url), 'utf8')

it('every name of the middle column is exported, or a member of what is', () => {
  const cells = page
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split(' | ')[1] ?? '')
    .filter((cell) => cell !== 'not yet' && !cell.includes('@espalier/'))
  const code = cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text as string))
  const called = code.flatMap((text) => [
    ...[...text.matchAll(/(?:^|new |await |, )([A-Za-z]+)\(/g)].map(([, name]) => [name as string]),
    ...[...text.matchAll(/([A-Za-z]+)\.([A-Za-z]+)\(/g)].map(([, owner, name]) => [owner as string, name as string]),
  ])
  expect(called.length).toBeGreaterThan(20)
  const owners: Record<string, object> = {
    ...espalier,
    trainer: espalier.SFTTrainer.prototype,
    model: espalier.PeftModel.prototype,
    base: espalier.PretrainedModel.prototype,
    dataset: espalier.loadDataset([]),
  }
  const has = ([owner = '', name]: string[]) =>
    name === undefined ? owner in owners : owners[owner] !== undefined && name in (owners[owner] as object)
  expect(called.filter((names) => !has(names))).toEqual([])
})
