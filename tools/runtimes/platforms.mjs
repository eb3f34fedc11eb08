/** The platforms of ONNX Runtime's native library, and the package of each. Plain JavaScript: packing reads it in a bare clone too. */
import { readFileSync } from 'node:fs'

const backend = new URL('../../packages/backend-onnx/package.json', import.meta.url)

/** Platforms as `process.platform` and `process.arch` call them, all that onnxruntime-node has. */
export const platforms = [
  ['linux', 'x64'],
  ['linux', 'arm64'],
  ['darwin', 'arm64'],
  ['win32', 'x64'],
  ['win32', 'arm64'],
]

/** The package of a platform. */
export function packageName([platform, arch]) {
  return `@espalier/onnxruntime-${platform}-${arch}`
}

/** The version of ONNX Runtime that the backend is developed on, and of these packages. */
export function runtimeVersion() {
  return JSON.parse(readFileSync(backend, 'utf8')).devDependencies['onnxruntime-node']
}
