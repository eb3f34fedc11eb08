/**
 * Running the steps of a chain (install, build, checks) one after another. Plain JavaScript without dependencies, since it also runs
 * in a clone in which nothing is installed yet.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the repository. */
export const root = fileURLToPath(new URL('../..', import.meta.url))

const lockfile = join(root, 'package-lock.json')
const record = join(root, 'node_modules', '.package-lock.json')

/**
 * Runs one command in the repository and ends the process with its exit code when it fails. Nothing a chain starts sends telemetry or
 * downloads the CUDA parts that onnxruntime-node fetches on install: .npmrc says so too, but npm 11 announces that 12 will not pass it on.
 */
export function run(title, command, args = []) {
  const started = Date.now()
  process.stderr.write(`\n== ${title}: ${[command, ...args].join(' ')}\n`)
  const env = {
    ...process.env,
    ONNXRUNTIME_NODE_INSTALL: 'skip',
    TURBO_TELEMETRY_DISABLED: '1',
    npm_config_update_notifier: 'false',
  }
  // Windows finds npm.cmd and the .cmd files of node_modules/.bin only through a shell.
  const { status, signal, error } = spawnSync(command, args, {
    cwd: root,
    env,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  if (status !== 0) {
    process.stderr.write(`\nfailed: ${title} (${error?.message ?? signal ?? `exit code ${status}`})\n`)
    process.exit(status || 1)
  }
  process.stderr.write(`== ${title}: ${((Date.now() - started) / 1000).toFixed(1)} s\n`)
}

/** Installs what the lockfile names, unless it is there already. */
export function ensureInstall() {
  if (isInstalled()) return
  run('install', 'npm', ['ci', '--no-audit', '--no-fund'])
}

/** Builds every package; turbo skips those whose sources did not change. */
export function build() {
  run('build', 'npm', ['run', '--silent', 'build'])
}

/** Runs the tests of these files or folders, with the arguments of the chain itself. */
export function runTests(title, paths) {
  run(title, process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...paths, ...process.argv.slice(2)])
}

/** npm's own record of what it installed decides, so that a plain `npm install` counts too. */
function isInstalled() {
  if (!existsSync(record)) return false
  const installed = JSON.parse(readFileSync(record, 'utf8')).packages
  const wanted = JSON.parse(readFileSync(lockfile, 'utf8')).packages
  // Packages for other platforms are optional and never installed; workspaces are links.
  return Object.entries(wanted).every(
    ([path, { version, optional, link }]) =>
      !path.includes('node_modules/') ||
      optional ||
      (link ? existsSync(join(root, path)) : installed[path]?.version === version),
  )
}
