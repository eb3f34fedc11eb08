/** TensorFlow's libraries and headers out of its Python wheel, kept in the user's cache. Nothing else of the wheel, and none of what it depends on. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const WHEEL = 'tensorflow-cpu==2.21.0'
const PYTHON_OF_WHEEL = '3.12' // any that has a wheel: the libraries are the same, and none of its Python runs

// What linking reads: the two libraries, the headers of the C interface with those that they include, and the notes on version and CUDA.
const EXTRACT = `
import re, sys, zipfile
wanted = re.compile(r'tensorflow/(libtensorflow_\\w+\\.so\\.2|python/platform/build_info\\.py|include/(tensorflow/c|tensorflow/core/platform|tsl|xla/tsl)/.*)|[^/]*\\.dist-info/METADATA')
with zipfile.ZipFile(sys.argv[1]) as wheel:
    wheel.extractall(sys.argv[2], [name for name in wheel.namelist() if wanted.fullmatch(name)])
`

/** The folder for files that are dear to get again. */
export function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'espalier')
}

/** A folder with an installed TensorFlow: the one of ESPALIER_TENSORFLOW, or the CPU wheel of PyPI, downloaded once with pip. */
export function tensorflowFolder(): string {
  const { ESPALIER_TENSORFLOW: given, ESPALIER_PYTHON: python = 'python3' } = process.env
  if (given !== undefined) return given
  const kept = join(cacheFolder(), WHEEL.replace('==', '-'))
  if (existsSync(kept)) return kept
  mkdirSync(cacheFolder(), { recursive: true })
  const fresh = mkdtempSync(`${kept}-`)
  try {
    const pip = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary=:all:']
    execFileSync(python, [...pip, '--python-version', PYTHON_OF_WHEEL, '--dest', fresh, WHEEL], { stdio: 'inherit' })
    const wheel = readdirSync(fresh).find((name) => name.endsWith('.whl')) as string
    execFileSync(python, ['-c', EXTRACT, join(fresh, wheel), join(fresh, 'site')], { stdio: 'inherit' })
    renameSync(join(fresh, 'site'), kept)
    return kept
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}
