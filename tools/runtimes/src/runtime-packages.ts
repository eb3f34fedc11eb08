/** Packages with ONNX Runtime's native library, one for each platform, out of the tarball of onnxruntime-node that the lockfile names by hash. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Platform, packageName, platforms, runtimeVersion } from '../platforms.mjs'

export { packageName } from '../platforms.mjs'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const BINDING = 'onnxruntime_binding.node'

/** Writes a tarball for each platform into `folder`, and returns their paths. Fetches onnxruntime-node from the registry. */
export function packRuntimes(folder: string, wanted: readonly Platform[] = platforms): string[] {
  const work = mkdtempSync(join(tmpdir(), 'espalier-runtimes-'))
  try {
    const official = unpacked(work)
    return wanted.map((platform) => {
      const own = join(work, platform.join('-'))
      writePackage(own, platform, join(official, 'bin', 'napi-v6', ...platform))
      return packed(own, folder)
    })
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** Writes the package of a platform, from the folder of its binaries in onnxruntime-node. */
export function writePackage(folder: string, platform: Platform, binaries: string): void {
  const [os, arch] = platform
  mkdirSync(folder, { recursive: true })
  for (const file of librariesOf(binaries)) copyFileSync(join(binaries, file), join(folder, file))
  const manifest = {
    name: packageName(platform),
    version: runtimeVersion(),
    description: `ONNX Runtime's native library for Node on ${os} ${arch}: the files of onnxruntime-node`,
    license: 'MIT',
    author: 'Microsoft Corporation',
    homepage: 'https://onnxruntime.ai',
    main: BINDING,
    os: [os],
    cpu: [arch],
    ...(os === 'linux' ? { libc: ['glibc'] } : {}),
  }
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  writeFileSync(join(folder, 'README.md'), readmeOf(platform))
  writeFileSync(join(folder, 'LICENSE'), LICENSE)
}

// Some libraries lie there twice, under the name that is linked and under the full version; npm has no links.
function librariesOf(binaries: string): string[] {
  const isCopy = (file: string) => /\.\d+\.\d+\.\d+\.dylib$/.test(file)
  const files = readdirSync(binaries).filter((file) => !isCopy(file))
  if (!files.includes(BINDING)) throw new Error(`${binaries} has no ${BINDING}`)
  return files
}

function unpacked(work: string): string {
  const spec = `onnxruntime-node@${runtimeVersion()}`
  const tarball = packed(spec, work)
  const { integrity } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages[
    'node_modules/onnxruntime-node'
  ] as { integrity: string }
  const found = `sha512-${createHash('sha512').update(readFileSync(tarball)).digest('base64')}`
  if (found !== integrity) throw new Error(`${spec} has the hash ${found}; package-lock.json says ${integrity}`)
  execFileSync('tar', ['-xzf', tarball, '-C', work])
  return join(work, 'package')
}

function packed(what: string, folder: string): string {
  mkdirSync(folder, { recursive: true })
  const name = execFileSync('npm', ['pack', what, '--silent', '--ignore-scripts', '--pack-destination', folder], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return join(folder, name.trim().split('\n').at(-1) as string)
}

function readmeOf(platform: Platform): string {
  return `# ${packageName(platform)}

ONNX Runtime's native library for Node on ${platform.join(' ')}: the files of \`onnxruntime-node@${runtimeVersion()}\`, unchanged, without its install
script. \`@espalier/backend-onnx\` loads it; it is of no use alone.

Sources and notices of third parties: https://github.com/microsoft/onnxruntime/tree/v${runtimeVersion()}
`
}

const LICENSE = `MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
`
