/** Finds TensorFlow's libraries and headers: in an installed Python wheel, or in an unpacked libtensorflow for C. */
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { EspalierError } from '@espalier/core'

/** An installed TensorFlow. Paths are real ones. */
export interface TensorflowInstall {
  /** The folder that holds the libraries: they look for CUDA relative to it. */
  readonly libraryFolder: string
  /** The library with the C interface, and the one with the framework. */
  readonly main: string
  readonly framework: string
  readonly include: string
  /** What the folder says of itself; null where it does not. */
  readonly version: string | null
  readonly cuda: boolean
}

const MAIN = ['libtensorflow_cc.so.2', 'libtensorflow.so.2', 'libtensorflow.so']
const FRAMEWORK = ['libtensorflow_framework.so.2', 'libtensorflow_framework.so']
const HEADERS = ['tensorflow/c/c_api.h', 'tensorflow/c/eager/c_api.h']

/** The TensorFlow in a folder: a wheel's `tensorflow` folder, the site-packages around it, or libtensorflow with lib and include. Throws backend.missing. */
export function findTensorflow(folder: string): TensorflowInstall {
  const given = resolve(folder)
  for (const candidate of [given, join(given, 'tensorflow'), join(given, 'lib')]) {
    const main = firstIn(candidate, MAIN)
    const framework = firstIn(candidate, FRAMEWORK)
    if (main === undefined || framework === undefined) continue
    const libraryFolder = realpathSync(candidate)
    const include = [join(candidate, 'include'), join(dirname(candidate), 'include')].find((place) =>
      HEADERS.every((header) => existsSync(join(place, header))),
    )
    if (include === undefined) {
      throw new EspalierError('backend.missing', {
        what: 'TensorFlow is there without the headers of its C interface',
        got: { libraries: libraryFolder, wanted: HEADERS },
        fix: 'Install the whole wheel: pip install tensorflow-cpu (or tensorflow, for CUDA).',
      })
    }
    return {
      libraryFolder,
      main: join(libraryFolder, main),
      framework: join(libraryFolder, framework),
      include: realpathSync(include),
      ...described(libraryFolder),
    }
  }
  throw new EspalierError('backend.missing', {
    what: 'no libtensorflow is in this folder',
    got: { folder: given, wanted: [MAIN[0], FRAMEWORK[0]] },
    fix: 'Install TensorFlow, pip install tensorflow-cpu (or tensorflow, for CUDA), and pass what this prints: python -c "import sysconfig; print(sysconfig.get_path(\'purelib\'))"',
  })
}

function firstIn(folder: string, names: readonly string[]): string | undefined {
  return names.find((name) => existsSync(join(folder, name)))
}

// The wheel's own notes: its dist-info beside it, and what its build says of CUDA.
function described(folder: string): { version: string | null; cuda: boolean } {
  const notes = join(folder, 'python', 'platform', 'build_info.py')
  const cuda = existsSync(notes)
    ? /'is_cuda_build', True/.test(readFileSync(notes, 'utf8'))
    : readdirSync(folder).some((name) => /^libcud/.test(name))
  const around = basename(folder) === 'tensorflow' ? readdirSync(dirname(folder)) : []
  const version = around
    .map((name) => /^tensorflow(?:_cpu|_intel)?-(\d[^-]*)\.dist-info$/.exec(name)?.[1])
    .find(Boolean)
  return { version: version ?? null, cuda }
}
