/**
 * `prepack` and `postpack` of the backend: the packed manifest names the packages of all platforms as optional dependencies; the one in the
 * repository does not, since `npm ci` of npm 11 wants every name of a manifest in the lockfile, and these are published from here.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { packageName, platforms, runtimeVersion } from './platforms.mjs'

const path = new URL('../../packages/backend-onnx/package.json', import.meta.url)
const { optionalDependencies: _, ...manifest } = JSON.parse(readFileSync(path, 'utf8'))
const optionalDependencies = Object.fromEntries(platforms.map((one) => [packageName(one), runtimeVersion()]))
const packed = process.argv[2] === 'packed' ? { ...manifest, optionalDependencies } : manifest
writeFileSync(path, `${JSON.stringify(packed, null, 2)}\n`)
