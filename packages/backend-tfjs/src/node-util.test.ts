/** Node 23 lacks two functions of node:util that tfjs-node calls: seen in a process that loses them before anything is loaded. */
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { expect, it } from 'vitest'

const require = createRequire(import.meta.url)
const index = fileURLToPath(new URL('./index.ts', import.meta.url))
const loader = pathToFileURL(require.resolve('tsx')).href

// tfjs-node is CommonJS and asks for "util" when it is loaded, before or after tfjs() is called.
const SCRIPT = `
import { createRequire } from 'node:module'
const require = createRequire(${JSON.stringify(index)})
const util = require('util')
delete util.isNullOrUndefined
delete util.isArray
const missing = [typeof util.isNullOrUndefined, typeof util.isArray]
const { tfjs } = await import(${JSON.stringify(pathToFileURL(index).href)})
tfjs({ tf: require('@tensorflow/tfjs-core') })
const { isNullOrUndefined, isArray } = util
console.log(JSON.stringify({ missing, found: [null, undefined, 0, ''].map(isNullOrUndefined), arrays: [[], {}].map(isArray) }))
`

it('tfjs() puts back what Node 23 removed from node:util, where CommonJS modules find it', () => {
  const output = execFileSync(process.execPath, ['--import', loader, '--input-type=module', '--eval', SCRIPT], {
    encoding: 'utf8',
  })
  expect(JSON.parse(output)).toEqual({
    missing: ['undefined', 'undefined'],
    found: [true, true, false, false],
    arrays: [true, false],
  })
})
