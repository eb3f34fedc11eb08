/** An empty project with tfjs-node, or its GPU form, whose addon is built against the TensorFlow of a Python wheel. Kept in the user's cache. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TfModule } from '@espalier/backend-tfjs'
import { cacheFolder, tensorflowFolder } from './tensorflow-wheel.js'

const VERSION = '4.22.0'
const command = fileURLToPath(
  new URL('../../../packages/backend-tfjs/bin/espalier-link-tensorflow.js', import.meta.url),
)

/** The two packages whose addon is built. */
export type TfjsNodeName = 'tfjs-node' | 'tfjs-node-gpu'

/** The tfjs of a project; `memory` counts what tfjs holds. */
export type LinkedTf = Omit<TfModule, 'engine' | 'getBackend'> & {
  memory(): { readonly numTensors: number; readonly numBytes: number }
  getBackend(): string
  engine(): {
    readonly backend: { readonly isUsingGpuDevice?: boolean; readonly binding: { readonly TF_Version: string } }
  }
}

/** The project's folder. It is installed once; its addon is built when it is not there yet, and at each call with `rebuild`. Needs a built @espalier/backend-tfjs. */
export function linkedProject(name: TfjsNodeName, { rebuild = false } = {}): string {
  const project = join(cacheFolder(), `${name}-${VERSION}`)
  if (!existsSync(project)) install(name, project)
  const linked = existsSync(join(project, 'node_modules/@tensorflow', name, 'espalier-link.json'))
  if (rebuild || !linked)
    execFileSync(process.execPath, [command, '--tensorflow', tensorflowFolder()], { cwd: project, stdio: 'inherit' })
  return project
}

/** The tfjs that is installed in a project. */
export function tfOf(project: string, name: TfjsNodeName): LinkedTf {
  return createRequire(join(project, 'package.json'))(`@tensorflow/${name}`) as LinkedTf
}

function install(name: TfjsNodeName, project: string): void {
  mkdirSync(cacheFolder(), { recursive: true })
  const fresh = mkdtempSync(`${project}-`)
  try {
    writeFileSync(join(fresh, 'package.json'), '{ "name": "project", "private": true }')
    const options = ['--silent', '--ignore-scripts', '--no-audit', '--no-fund']
    execFileSync('npm', ['install', ...options, `@tensorflow/${name}@${VERSION}`], { cwd: fresh, stdio: 'inherit' })
    renameSync(fresh, project)
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}
