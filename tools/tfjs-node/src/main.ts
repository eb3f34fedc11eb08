/**
 * `npm run check:tfjs-node [-- --reports FOLDER]`, after a build: links tfjs-node and tfjs-node-gpu to the TensorFlow of the CPU wheel and runs the suite of backends
 * on each, in a process of its own. What it needs (pip, g++, make, the network the first time) is an error where it is missing.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { linkedProject, type TfjsNodeName } from './linked-project.js'

const { values } = parseArgs({ options: { reports: { type: 'string' } } })
const suite = fileURLToPath(new URL('suite.ts', import.meta.url))
const reports = values.reports === undefined ? [] : [values.reports]
const packages: readonly TfjsNodeName[] = ['tfjs-node', 'tfjs-node-gpu']

let failed = false
for (const name of packages) {
  const started = performance.now()
  const project = linkedProject(name, { rebuild: true })
  const { status } = spawnSync(process.execPath, [...process.execArgv, suite, project, name, ...reports], {
    stdio: 'inherit',
  })
  if (status !== 0) failed = true
  const seconds = ((performance.now() - started) / 1000).toFixed(0)
  process.stdout.write(`${name}: ${status === 0 ? 'passed' : 'failed'} in ${seconds} s\n`)
}
process.exitCode = failed ? 1 : 0
