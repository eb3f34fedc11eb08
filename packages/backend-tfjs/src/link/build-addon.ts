/** Compiles tfjs-node's addon with node-gyp. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { EspalierError } from '@espalier/core'
import type { TensorflowInstall } from './find-tensorflow.js'
import { runChild } from './run-child.js'

const NAPI = 8 // the version that tfjs-node 4.22 is written for; newer Nodes load it
const SHOWN_CHARACTERS = 3000

/** Compiles the addon in a package whose deps folder is in place. Throws backend.failed with the compiler's last lines, or the signal's reason. */
export async function buildAddon(
  folder: string,
  { libraryFolder }: TensorflowInstall,
  signal?: AbortSignal,
): Promise<void> {
  if (/[\s'"$\\,:]/.test(libraryFolder)) {
    throw new EspalierError('config.value', {
      what: 'the linker takes no path with spaces, quotes, commas or colons',
      got: { folder: libraryFolder },
      fix: 'Install TensorFlow in a folder without them.',
    })
  }
  if (/\s/.test(folder)) {
    throw new EspalierError('config.value', {
      what: 'node-gyp builds nothing in a folder whose path has spaces',
      got: { folder },
      fix: 'Install the package in a folder without them.',
    })
  }
  const gyp = nodeGyp()
  const args = [
    ...gyp.args,
    'rebuild',
    '--module_name=tfjs_binding',
    `--module_path=${join(folder, 'lib', `napi-v${NAPI}`)}`,
    `--napi_build_version=${NAPI}`,
    `--napi_version=${NAPI}`,
    ...headers(),
  ]
  const env = { ...process.env, LDFLAGS: `${process.env.LDFLAGS ?? ''} -Wl,-rpath,${libraryFolder}`.trim() }
  const { code, output, errors } = await runChild({ command: gyp.command, args, cwd: folder, env, signal })
  signal?.throwIfAborted()
  if (code === 0) return
  throw new EspalierError('backend.failed', {
    what: 'the addon of tfjs-node could not be compiled',
    got: {
      command: [gyp.command, ...args].join(' '),
      exitCode: code,
      output: `${output}${errors}`.slice(-SHOWN_CHARACTERS),
    },
    fix: 'It takes Python 3, make and a C++17 compiler (Debian: apt-get install python3 make g++).',
  })
}

/** node-gyp: the one that npm hands to scripts, the one inside npm, or one on the path. */
function nodeGyp(): { command: string; args: string[] } {
  const places = [process.env.npm_config_node_gyp, insideNpm()]
  const script = places.find((file) => file !== undefined && existsSync(file))
  return script === undefined ? { command: 'node-gyp', args: [] } : { command: process.execPath, args: [script] }
}

function insideNpm(): string | undefined {
  try {
    const root = execFileSync('npm', ['root', '-g'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
    return join(root, 'npm', 'node_modules', 'node-gyp', 'bin', 'node-gyp.js')
  } catch {
    return undefined // no npm here: node-gyp has to be on the path
  }
}

/** This Node's own headers, when they are installed with it; otherwise node-gyp downloads them. */
function headers(): string[] {
  const prefix = dirname(dirname(process.execPath))
  const file = join(prefix, 'include', 'node', 'node_version.h')
  if (process.env.npm_config_nodedir !== undefined || !existsSync(file)) return []
  const major = /#define NODE_MAJOR_VERSION (\d+)/.exec(readFileSync(file, 'utf8'))?.[1]
  return major === process.versions.node.split('.')[0] ? [`--nodedir=${prefix}`] : []
}
