/**
 * The command `espalier-link-tensorflow`: builds the addon of an installed tfjs-node against an installed TensorFlow. tfjs-node's own
 * library is TensorFlow 2.9.1, with CUDA 11.2, which newer GPUs and many machines cannot use.
 */
import { parseArgs } from 'node:util'
import { EspalierError } from '@espalier/core'
import { buildAddon } from './link/build-addon.js'
import { findTensorflow, type TensorflowInstall } from './link/find-tensorflow.js'
import { findTfjsNode } from './link/find-tfjs-node.js'
import { finishLinking, isLinked, placeFiles, refuseWhileLinking, removeFiles } from './link/placed-files.js'
import { verifyAddon } from './link/verify-addon.js'

const USAGE = `espalier-link-tensorflow --tensorflow FOLDER [--package FOLDER]
espalier-link-tensorflow --undo [--package FOLDER]

  --tensorflow  where TensorFlow is installed: site-packages, the tensorflow folder in it, or an unpacked libtensorflow
  --package     the folder of @tensorflow/tfjs-node or tfjs-node-gpu; default: the one that this folder's modules see
  --undo        puts the package back as it was
`

const INTERRUPTED = 130 // as a shell has it for SIGINT

/** What the command needs of its surroundings. */
export interface CommandSurroundings {
  readonly cwd: string
  readonly platform: string
  /** Aborted when the user interrupts: what was begun is put back. */
  readonly signal?: AbortSignal
  print(line: string): void
}

/** Runs the command; the exit code. */
export async function linkTensorflow(
  args: readonly string[],
  surroundings: CommandSurroundings = {
    cwd: process.cwd(),
    platform: process.platform,
    print: (line) => process.stdout.write(`${line}\n`),
  },
): Promise<number> {
  const { print } = surroundings
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        tensorflow: { type: 'string' },
        package: { type: 'string' },
        undo: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.help || (values.tensorflow !== undefined) === values.undo) {
      print(USAGE)
      return values.help ? 0 : 2
    }
    if (values.undo) undo(surroundings, values.package)
    else await link(surroundings, findTensorflow(values.tensorflow as string), values.package)
    return 0
  } catch (error) {
    if (surroundings.signal?.aborted === true) {
      print('interrupted')
      return INTERRUPTED
    }
    if (!EspalierError.isInstance(error) && (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') !== true)
      throw error
    print((error as Error).message)
    return 1
  }
}

async function link(
  surroundings: CommandSurroundings,
  tensorflow: TensorflowInstall,
  folder: string | undefined,
): Promise<void> {
  const { cwd, platform, print, signal } = surroundings
  if (platform !== 'linux') {
    throw new EspalierError('backend.unsupported', {
      what: 'linking another TensorFlow works on Linux only',
      got: { platform },
      fix: 'Use the TensorFlow that tfjs-node installs.',
    })
  }
  const target = findTfjsNode({ from: cwd, folder, cuda: tensorflow.cuda })
  print(
    `TensorFlow ${tensorflow.version ?? '(version not stated)'}, ${tensorflow.cuda ? 'with CUDA' : 'CPU'}: ${tensorflow.libraryFolder}`,
  )
  print(`${target.name} ${target.version}: ${target.folder}`)
  refuseWhileLinking(target.folder)
  const wasLinked = isLinked(target.folder)
  if (wasLinked) {
    print('It is linked already; that is undone first.')
    removeFiles(target.folder)
  }
  let placed = false
  try {
    const changes = placeFiles(target.folder, tensorflow)
    placed = true
    for (const change of changes) print(`  ${change}`)
    print('Compiling the addon; this takes about half a minute.')
    await buildAddon(target.folder, tensorflow, signal)
    print(`  built lib/napi-v8/tfjs_binding.node, which loads TensorFlow from ${tensorflow.libraryFolder}`)
    const { backend, tensorflow: version, gpu } = await verifyAddon(target.folder, signal)
    finishLinking(target.folder)
    print(`It runs: backend ${backend}, TensorFlow ${version}, ${gpu ? 'on a GPU' : 'on the CPU'}.`)
    if (tensorflow.cuda && !gpu)
      print('TensorFlow found no GPU that it can use: its driver or CUDA libraries may be missing.')
    print('To undo: espalier-link-tensorflow --undo')
  } catch (error) {
    // What another process places at the same time stays.
    if (placed) removeFiles(target.folder)
    print(
      wasLinked
        ? 'It did not work; the package is as it was before it was linked.'
        : 'It did not work; everything is as it was.',
    )
    throw error
  }
}

function undo({ cwd, print }: CommandSurroundings, folder: string | undefined): void {
  const installed = [false, true].flatMap((cuda) => {
    try {
      return [findTfjsNode({ from: cwd, folder, cuda })]
    } catch (error) {
      if (cuda) throw error // neither is there
      return []
    }
  })
  const target = installed.find((one) => isLinked(one.folder)) ?? installed[0]
  if (target === undefined) return
  print(`${target.name} ${target.version}: ${target.folder}`)
  refuseWhileLinking(target.folder)
  for (const change of removeFiles(target.folder)) print(`  ${change}`)
}
