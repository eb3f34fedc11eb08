/** Which workspaces and tracked files the repository has; every check starts here. */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the repository. */
export const root = fileURLToPath(new URL('../../..', import.meta.url))

/** The parts of a package.json that the checks read. */
export interface Manifest {
  readonly name: string
  readonly private?: boolean
  readonly exports?: Readonly<Record<string, unknown>>
}

/** One workspace: its group folder (`packages`), its folder from the root (`packages/core`) and its manifest. */
export interface Workspace {
  readonly group: string
  readonly folder: string
  readonly name: string
  readonly manifest: Manifest
}

/** All workspaces, in the order of their folders. */
export function workspaces(): Workspace[] {
  return ['packages', 'plugins', 'examples', 'tools'].flatMap((group) =>
    readdirSync(join(root, group)).flatMap((name) => {
      const folder = `${group}/${name}`
      const file = join(root, folder, 'package.json')
      if (!existsSync(file)) return []
      const manifest = JSON.parse(readFileSync(file, 'utf8')) as Manifest
      return [{ group, folder, name: manifest.name, manifest }]
    }),
  )
}

/** The workspaces that are published. */
export function publicWorkspaces(): Workspace[] {
  return workspaces().filter(({ manifest }) => manifest.private !== true)
}

/** Paths from the root of the files that git tracks or would track: new files count, ignored ones do not. */
export function trackedFiles(): string[] {
  const list = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: root,
    encoding: 'utf8',
  })
  return [...new Set(list.split('\0'))].filter((path) => path !== '' && existsSync(join(root, path))).sort()
}

/** Prints what a check found and sets the exit code. */
export function report(check: string, problems: readonly string[], passed: string): void {
  for (const problem of problems) process.stderr.write(`${problem}\n`)
  if (problems.length > 0) process.stderr.write(`${check}: ${problems.length} to mend\n`)
  else process.stdout.write(`${check}: ${passed}\n`)
  if (problems.length > 0) process.exitCode = 1
}
