/** Compiles kernels/packed.ts (AssemblyScript) to src/packed/kernels.wasm, which is committed: a user's install compiles nothing. */
import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import asc from 'assemblyscript/asc'

const folder = join(dirname(fileURLToPath(import.meta.url)), '..')
const FLAGS = ['--enable', 'simd', '--enable', 'threads', '--importMemory', '--sharedMemory', '--initialMemory', '1']
const MEMORY = ['--maximumMemory', '65536', '--noExportMemory', '--runtime', 'stub', '-O3', '--noAssert']

/** The bytes of the kernels. Throws with the compiler's messages. */
export async function compileKernels() {
  let binary
  const { error, stderr } = await asc.main(['kernels/packed.ts', '-o', 'kernels.wasm', ...FLAGS, ...MEMORY], {
    readFile: (name) => readFile(join(folder, name), 'utf8').catch(() => null),
    writeFile(_, contents) {
      binary = contents
    },
    listFiles: () => [],
  })
  if (error !== null || binary === undefined) throw new Error(`the kernels do not compile\n${stderr}`, { cause: error })
  return binary
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  await writeFile(join(folder, 'src/packed/kernels.wasm'), await compileKernels())
