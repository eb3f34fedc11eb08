/**
 * `npm run check:packages`, after a build: every public package has exports that resolve from ESM and CommonJS with matching types
 * (publint, attw), no dependency or export is unused (knip), and core and lora keep their size (size-limit).
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { publicWorkspaces, report, root } from './workspaces.js'

const problems: string[] = []
const packages = publicWorkspaces()
const tarballs = mkdtempSync(join(tmpdir(), 'espalier-pack-'))
try {
  // One pack for all packages: a fifth of the time of one each.
  const packed = tool('npm', [
    'pack',
    '--json',
    '--pack-destination',
    tarballs,
    ...packages.map(({ name }) => `--workspace=${name}`),
  ])
  for (const { name, file } of tarballNames(packed)) {
    const tarball = join(tarballs, file)
    expectSuccess(`publint ${name}`, 'publint', ['run', tarball, '--strict'])
    expectSuccess(`attw ${name}`, 'attw', [
      tarball,
      '--profile',
      'node16',
      '--format',
      'ascii',
      '--no-definitely-typed',
    ])
  }
} finally {
  rmSync(tarballs, { recursive: true, force: true })
}
expectSuccess('knip', 'knip', ['--no-progress', '--no-config-hints'])
expectSuccess('size-limit', 'size-limit', [])
report('packages', problems, `${packages.length} packages pass publint, attw, knip and size-limit`)

/** npm 10 lists the tarballs, npm 11 keys them by package. */
function tarballNames(json: string): { name: string; file: string }[] {
  const entries = Object.values(JSON.parse(json) as Record<string, { name: string; filename: string }>)
  if (entries.length !== packages.length)
    throw new Error(`npm pack made ${entries.length} tarballs of ${packages.length}`)
  return entries.map(({ name, filename }) => ({ name, file: filename }))
}

function expectSuccess(what: string, command: string, args: readonly string[]): void {
  const { status, stdout, stderr } = spawn(command, args)
  if (status !== 0) problems.push(`${what} failed:\n${stdout}${stderr}`)
}

function tool(command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawn(command, args)
  if (status !== 0) throw new Error(`${command} failed:\n${stdout}${stderr}`)
  return stdout
}

function spawn(command: string, args: readonly string[]) {
  // npm puts node_modules/.bin on the path of a script. Windows needs a shell for the .cmd files there.
  return spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
    maxBuffer: 2 ** 28,
  })
}
