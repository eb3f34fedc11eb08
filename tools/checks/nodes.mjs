/** `npm run check:nodes`: installs, builds, and has runs stop under one supported version of Node and go on under the others. The programs are npm's packages of Node's own builds, in a folder that goes again. Arguments go to vitest. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { build, ensureInstall, run, runTests } from './steps.mjs'

const VERSIONS = [20, 22, 24]

ensureInstall()
build()
const folder = mkdtempSync(join(tmpdir(), 'espalier-nodes-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
run('nodes', 'npm', [
  ...['install', '--prefix', folder, '--no-audit', '--no-fund'],
  ...VERSIONS.map((version) => `node${version}@npm:${packageName()}@${version}`),
])
process.env.ESPALIER_NODES = VERSIONS.map((version) => programOf(`node${version}`)).join(delimiter)
runTests('going on', ['packages/espalier/src/cli/resume-versions.test.ts'])

/** The package of this platform's build, which `node` on npm fetches by a script on install: here none runs. */
function packageName() {
  const system = process.platform === 'win32' ? 'win' : process.platform
  const isBin = system === 'darwin' && process.arch === 'arm64'
  return `${isBin ? 'node-bin' : 'node'}-${system}-${process.arch}`
}

/** The program of an installed one. */
function programOf(name) {
  const installed = join(folder, 'node_modules', name)
  return join(installed, JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')).bin.node)
}
