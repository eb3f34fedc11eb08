/**
 * `npm run check:tfjs-node`, after a build: installs tfjs-node into an empty project without its own TensorFlow, links the one of the Python
 * that ESPALIER_PYTHON names, and runs the suite of backends on it. Without such a TensorFlow it prints one line.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type TfModule, tfjs } from '@espalier/backend-tfjs'
import { backendChecks, failuresOf } from '@espalier/testkit'

const TFJS_NODE = '@tensorflow/tfjs-node@4.22.0'
const command = fileURLToPath(
  new URL('../../../packages/backend-tfjs/bin/espalier-link-tensorflow.js', import.meta.url),
)

const print = (line: string) => process.stdout.write(`${line}\n`)
const python = process.env.ESPALIER_PYTHON
const packages =
  python === undefined
    ? undefined
    : execFileSync(python, ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))'], {
        encoding: 'utf8',
      }).trim()
if (packages === undefined) print('not run: the suite on tfjs-node (ESPALIER_PYTHON is not set)')
else if (!existsSync(join(packages, 'tensorflow')))
  print('not run: the suite on tfjs-node (the Python of ESPALIER_PYTHON has no tensorflow)')
else process.exitCode = await check(packages)

async function check(tensorflow: string): Promise<number> {
  const project = mkdtempSync(join(tmpdir(), 'espalier-tfjs-node-'))
  try {
    writeFileSync(join(project, 'package.json'), '{ "name": "project", "private": true }')
    execFileSync('npm', ['install', '--silent', '--ignore-scripts', '--no-audit', '--no-fund', TFJS_NODE], {
      cwd: project,
    })
    execFileSync(process.execPath, [command, '--tensorflow', tensorflow], { cwd: project, stdio: 'inherit' })
    const tf = createRequire(join(project, 'package.json'))('@tensorflow/tfjs-node') as TfModule & {
      memory(): { readonly numTensors: number }
    }
    const checks = backendChecks(() => tfjs({ tf }))
    const failures = await failuresOf(checks)
    for (const { name, error } of failures) print(`${name}: ${error}`)
    const left = tf.memory().numTensors
    if (left > 0) print(`${left} tensors are left after close`)
    print(`tfjs-node: ${checks.length - failures.length} of ${checks.length} checks pass, ${left} tensors left`)
    return failures.length === 0 && left === 0 ? 0 : 1
  } finally {
    rmSync(project, { recursive: true })
  }
}
