/**
 * Packs the packages, installs only those a piecewise user needs into an empty project without running any install script, and trains there
 * from ESM, CommonJS and TypeScript. Then checks what was installed and how long core takes to import.
 */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'

const PACKAGES = ['core', 'lora', 'models', 'serialization', 'data', 'trainer', 'backend-onnx']
const FORBIDDEN = /^(webgpu|@webgpu|@tensorflow|espalier)$/
const IMPORT_LIMIT_MS = 50

const root = fileURLToPath(new URL('../../..', import.meta.url))
const source = fileURLToPath(new URL('../project/train.mts', import.meta.url))
const project = mkdtempSync(join(tmpdir(), 'espalier-outside-'))
const failures: string[] = []

function run(what: string, command: string, commandArguments: readonly string[], cwd = project): string {
  const output = execFileSync(command, commandArguments, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, NODE_PATH: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  process.stdout.write(`${what}: ${output.trim().split('\n').at(-1)}\n`)
  return output
}

function attempt(what: string, work: () => void): void {
  try {
    work()
  } catch (error) {
    failures.push(what)
    const { stderr = '', stdout = '' } = error as { stderr?: string; stdout?: string }
    process.stdout.write(`${what}: failed\n${String(stdout || stderr || error)}\n`)
  }
}

const tarballs = join(project, 'tarballs')
mkdirSync(tarballs)
for (const name of PACKAGES)
  execFileSync('npm', ['pack', '--silent', '--pack-destination', tarballs], {
    cwd: join(root, 'packages', name),
    stdio: 'ignore',
  })
const files = Object.fromEntries(
  readdirSync(tarballs).map((file) => [
    `@espalier/${file.replace(/^espalier-/, '').replace(/-\d.*$/, '')}`,
    `file:tarballs/${file}`,
  ]),
)
writeFileSync(
  join(project, 'package.json'),
  JSON.stringify({
    name: 'outside',
    private: true,
    dependencies: files,
    devDependencies: { '@types/node': '20.19.43' },
  }),
)
writeFileSync(
  join(project, 'tsconfig.json'),
  JSON.stringify({
    compilerOptions: {
      module: 'nodenext',
      target: 'es2022',
      strict: true,
      types: ['node'],
      outDir: 'compiled',
      lib: ['ES2022', 'ESNext.Disposable', 'DOM', 'DOM.AsyncIterable'],
    },
    include: ['train.mts', 'train.cts'],
  }),
)
copyFileSync(source, join(project, 'train.mts'))
copyFileSync(source, join(project, 'train.cts'))
run('install', 'npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'])

attempt('TypeScript, as ESM and CommonJS', () =>
  run('types', process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.']),
)
attempt('TypeScript to ESM', () => run('TypeScript to ESM', process.execPath, ['compiled/train.mjs']))
attempt('TypeScript to CommonJS', () => run('TypeScript to CommonJS', process.execPath, ['compiled/train.cjs']))
buildSync({
  entryPoints: [source],
  outfile: join(project, 'plain.mjs'),
  platform: 'node',
  format: 'esm',
  packages: 'external',
  bundle: true,
  logLevel: 'silent',
  tsconfigRaw: {},
})
buildSync({
  entryPoints: [source],
  outfile: join(project, 'plain.cjs'),
  platform: 'node',
  format: 'cjs',
  packages: 'external',
  bundle: true,
  logLevel: 'silent',
  tsconfigRaw: {},
})
attempt('ESM', () => run('ESM', process.execPath, ['plain.mjs']))
attempt('CommonJS', () => run('CommonJS', process.execPath, ['plain.cjs']))

attempt('nothing else installed', () => {
  const installed = readdirSync(join(project, 'node_modules')).filter((name) => FORBIDDEN.test(name))
  if (installed.length > 0) throw new Error(`installed without being asked for: ${installed.join(', ')}`)
})
attempt('import of core', () => {
  const script =
    "await import('node:fs'); const t = performance.now(); await import('@espalier/core'); console.log((performance.now() - t).toFixed(1))"
  const times = Array.from({ length: 5 }, () =>
    Number(execFileSync(process.execPath, ['--input-type=module', '-e', script], { cwd: project, encoding: 'utf8' })),
  )
  const best = Math.min(...times)
  process.stdout.write(`import of core: ${best} ms at best of ${times.length}\n`)
  if (best > IMPORT_LIMIT_MS) throw new Error(`importing core took ${best} ms; at most ${IMPORT_LIMIT_MS}`)
})
rmSync(project, { recursive: true, force: true })
process.stdout.write(failures.length === 0 ? 'outside: all passed\n' : `outside: ${failures.join('; ')} failed\n`)
process.exitCode = failures.length === 0 ? 0 : 1
