/**
 * Packs the packages, installs only those a piecewise user needs into an empty project, and trains there from ESM, CommonJS and TypeScript:
 * on onnx, and on a tfjs that the project brings. Then checks what was installed, what is said without a tfjs, and how long core takes to import.
 * Last, a project with all packages is compiled without TypeScript's DOM library, every declaration checked.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packageName, packRuntimes } from '@espalier-tools/runtimes'
import { OutsideProject } from './outside-project.js'

const PIECES = ['core', 'checkpointing', 'quantization', 'lora', 'models', 'serialization', 'data', 'trainer'].map(
  (name) => `packages/${name}`,
)
const FORBIDDEN = /^(webgpu|@webgpu|@tensorflow|espalier)$/
const IMPORT_LIMIT_MS = 50
const MOST_MEGABYTES = 100

const root = fileURLToPath(new URL('../../..', import.meta.url))
const program = readFileSync(fileURLToPath(new URL('../project/train.mts', import.meta.url)), 'utf8')

const runtimes = mkdtempSync(join(tmpdir(), 'espalier-runtimes-'))
const platform = [process.platform, process.arch] as const
const [runtime] = packRuntimes(runtimes, [platform])
const tarballs = { [packageName(platform)]: `file:${runtime}` }
const generating = readFileSync(fileURLToPath(new URL('../project/generate.mts', import.meta.url)), 'utf8')

// The backend of tfjs is installed here without a tfjs.
const onnx = new OutsideProject({
  tarballs,
  name: 'onnx',
  packages: [...PIECES, 'packages/backend-onnx', 'packages/backend-tfjs'],
  program,
})
onnx.runEverywhere()
onnx.runBundled()
onnx.attempt('a bundle without the package beside it', () => {
  const alone = join(runtimes, 'alone.mjs') // a folder from which no package is found
  copyFileSync(join(onnx.folder, onnx.built('bundled/alone.mjs', 'bundle')), alone)
  const { stderr } = spawnSync(process.execPath, [alone], { cwd: runtimes, encoding: 'utf8' })
  if (!/backend\.missing|--external:espalier/.test(stderr)) throw new Error(`it says: ${stderr}`)
})
onnx.attempt('nothing else installed', () => {
  const strangers = onnx.installed.filter((name) => FORBIDDEN.test(name))
  if (strangers.length > 0) throw new Error(`installed without being asked for: ${strangers.join(', ')}`)
})
onnx.attempt('without a tfjs', () => {
  const script = `import { tfjs } from '@espalier/backend-tfjs'
for (const given of [undefined, {}, { tf: await import('@tensorflow/tfjs').catch(() => undefined) }])
  try { tfjs(given); throw new Error('tfjs() without a tfjs was accepted') } catch (error) {
    if (error.code !== 'backend.missing' || !/npm install @tensorflow\\/tfjs/.test(error.message)) throw error
    console.log(error.code + ': ' + error.fix)
  }`
  onnx.run('without a tfjs', process.execPath, ['--input-type=module', '-e', script])
})
onnx.attempt('import of core', () => {
  const script =
    "await import('node:fs'); const t = performance.now(); await import('@espalier/core'); console.log((performance.now() - t).toFixed(1))"
  const times = Array.from({ length: 5 }, () =>
    Number(
      execFileSync(process.execPath, ['--input-type=module', '-e', script], { cwd: onnx.folder, encoding: 'utf8' }),
    ),
  )
  const best = Math.min(...times)
  process.stdout.write(`import of core: ${best} ms at best of ${times.length}\n`)
  if (best > IMPORT_LIMIT_MS) throw new Error(`importing core took ${best} ms; at most ${IMPORT_LIMIT_MS}`)
})
onnx.remove()

// What `npm install espalier` brings: the packages of this repository lie here, everything else comes from the registry.
const umbrella = new OutsideProject({
  name: 'umbrella',
  packages: [...PIECES, 'packages/backend-onnx', 'packages/backend-webgpu', 'packages/espalier'],
  tarballs,
  program: generating,
})
umbrella.runEverywhere()
umbrella.runBundled()
umbrella.attempt('no install script', () => {
  const scripted = [...umbrella.records].filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path)
  if (scripted.length > 0) throw new Error(`run a script on install: ${scripted.join(', ')}`)
})
umbrella.attempt('one registry', () => {
  const registry = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim()
  const others = [...umbrella.records.values()]
    .map(({ resolved = registry }) => resolved)
    .filter((from) => !from.startsWith(registry) && !from.startsWith('file:'))
  if (others.length > 0) throw new Error(`packages come from elsewhere: ${others.join(', ')}`)
})
umbrella.attempt('size', () => {
  const paths = [...umbrella.records].filter(([, { dev }]) => dev !== true).map(([path]) => path)
  const megabytes = paths.reduce((sum, path) => sum + umbrella.bytesOf(path), 0) / 1e6
  process.stdout.write(`umbrella: ${megabytes.toFixed(1)} MB installed\n`)
  if (megabytes > MOST_MEGABYTES) throw new Error(`${megabytes} MB; at most ${MOST_MEGABYTES}`)
})
umbrella.attempt('doctor', () => expectOnnx(umbrella, `ready (${packageName(platform)} `))
umbrella.remove()

// A system without a native library: WebAssembly stands in for it, or the error names what to install.
const wasm = new OutsideProject({
  name: 'wasm',
  packages: [...PIECES, 'packages/backend-onnx', 'packages/backend-webgpu', 'packages/espalier'],
  others: { 'onnxruntime-web': '1.30.0' },
  program: generating,
})
wasm.attempt('without a native library', () => expectOnnx(wasm, 'ready (onnxruntime-web '))
rmSync(join(wasm.folder, 'node_modules/onnxruntime-web'), { recursive: true })
wasm.attempt('with nothing to compute on', () => expectOnnx(wasm, 'not usable'))
wasm.remove()

const tfjs = new OutsideProject({
  name: 'tfjs',
  packages: [...PIECES, 'packages/backend-tfjs'],
  others: { '@tensorflow/tfjs': '4.22.0' },
  program: onTfjs(program),
  skipLibCheck: true, // tfjs' own declarations do not pass
})
tfjs.runEverywhere()
tfjs.remove()

const everything = ['packages', 'plugins'].flatMap((parent) =>
  readdirSync(join(root, parent)).map((name) => `${parent}/${name}`),
)
const strict = new OutsideProject({ name: 'strict', packages: everything, program: importAll(everything) })
const libraries = { 'with DOM': {}, 'without DOM': { lib: ['ES2022'] } }
const resolutions = {
  node16: { module: 'node16', moduleResolution: 'node16' },
  nodenext: { module: 'nodenext', moduleResolution: 'nodenext' },
  bundler: { module: 'preserve', moduleResolution: 'bundler' },
}
for (const [library, lib] of Object.entries(libraries))
  for (const [resolution, settings] of Object.entries(resolutions))
    strict.compile(`types ${library}, ${resolution}`, { ...lib, ...settings })
strict.remove()

rmSync(runtimes, { recursive: true, force: true })

const failures = [...onnx.failures, ...umbrella.failures, ...wasm.failures, ...tfjs.failures, ...strict.failures]
process.stdout.write(failures.length === 0 ? 'outside: all passed\n' : `outside: ${failures.join('; ')} failed\n`)
process.exitCode = failures.length === 0 ? 0 : 1

/** Throws unless `espalier doctor` says this of the backend onnx. */
function expectOnnx(project: OutsideProject, state: string): void {
  const facts = JSON.parse(project.run('doctor', 'npx', ['espalier', 'doctor', '--json'])) as Record<string, string>
  const said = facts['backend onnx'] ?? 'absent'
  process.stdout.write(`${project.name}: onnx is ${said}\n`)
  if (!said.startsWith(state)) throw new Error(`onnx is ${said}; expected ${state}`)
}

/** A program that imports every entry of these packages. */
function importAll(folders: readonly string[]): string {
  const specifiers = folders.flatMap((folder) => {
    const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as {
      name: string
      exports: Readonly<Record<string, unknown>>
    }
    return Object.keys(manifest.exports).flatMap((entry) =>
      entry === './package.json' ? [] : [manifest.name + entry.slice(1)],
    )
  })
  const imports = specifiers.map((specifier, i) => `import * as entry${i} from '${specifier}'\n`)
  return `${imports.join('')}export const entries = [${specifiers.map((_, i) => `entry${i}`).join(', ')}]\n`
}

/** The same program on tfjs: the import and the line that opens the backend are all that differs. */
function onTfjs(text: string): string {
  const changes = [
    [
      "import { onnx } from '@espalier/backend-onnx'",
      "import { tfjs } from '@espalier/backend-tfjs'\nimport * as tf from '@tensorflow/tfjs'",
    ],
    ['onnx({ threads: 1 })', 'tfjs({ tf })'],
  ] as const
  return changes.reduce((now, [from, to]) => {
    if (!now.includes(from)) throw new Error(`the program no longer says ${from}`)
    return now.replace(from, to)
  }, text)
}
