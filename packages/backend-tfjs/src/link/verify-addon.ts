/** Runs an op through the built addon in a process of its own: a library that does not fit may end the process. */
import { EspalierError } from '@espalier/core'
import { runChild } from './run-child.js'

/** What the linked tfjs-node says of itself. */
export interface Verified {
  readonly backend: string
  readonly tensorflow: string
  readonly gpu: boolean
}

const LONGEST_MS = 180_000

// A product and a softmax, whose results are known; the two functions that Node 23 removed are put back first.
const SCRIPT = `
const util = require('node:util')
util.isNullOrUndefined ??= (value) => value == null
util.isArray ??= Array.isArray
const tf = require(process.argv[1])
const product = tf.matMul(tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([5, 6, 7, 8], [2, 2])).dataSync()
const shares = tf.softmax(tf.tensor1d([0, Math.log(3)])).dataSync()
const right = [19, 22, 43, 50].every((x, i) => x === product[i]) && Math.abs(shares[1] - 0.75) < 1e-6
if (!right) throw new Error('wrong results: ' + [...product, ...shares])
const { binding, isUsingGpuDevice } = tf.engine().backend
console.log('\\nespalier ' + JSON.stringify({ backend: tf.getBackend(), tensorflow: String(binding.TF_Version), gpu: isUsingGpuDevice === true }))
`

/** Loads the package of a folder and runs two ops. Throws backend.failed with what the process said, or the signal's reason. */
export async function verifyAddon(folder: string, signal?: AbortSignal): Promise<Verified> {
  const { code, output, errors } = await runChild({
    command: process.execPath,
    args: ['-e', SCRIPT, folder],
    signal,
    longestMs: LONGEST_MS,
  })
  signal?.throwIfAborted()
  const line = output
    .split('\n')
    .find((one) => one.startsWith('espalier '))
    ?.slice('espalier '.length)
  if (code === 0 && line !== undefined) return JSON.parse(line) as Verified
  throw new EspalierError('backend.failed', {
    what: 'the addon was built but does not run',
    got: { exitCode: code, output: errors.slice(-2000) },
    fix: 'This TensorFlow may not fit this tfjs-node; 2.21 is known to.',
  })
}
