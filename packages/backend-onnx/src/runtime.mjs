/**
 * Which ONNX Runtime is installed. Natively that of onnxruntime-node where a user has it, else that of the package for this platform, which
 * holds the same files and has no install script. Plain JavaScript, for the worker thread too; runtime.d.mts has the types.
 */
import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { isMainThread } from 'node:worker_threads'

// A bundler that makes CommonJS leaves the address out.
const own = createRequire(import.meta.url ?? join(process.cwd(), 'main'))

/** The oldest onnxruntime-node whose options and kernels programs are written for. */
const OLDEST = [1, 30]
const FATAL = 4 // the runtime's log level; what it has to say comes with the errors that it throws

/** The package of this repository for a platform. */
export function platformPackage(platform = process.platform, arch = process.arch) {
  return `@espalier/onnxruntime-${platform}-${arch}`
}

/** Which package has the native library; undefined: none that works here. Loads nothing. */
export function findNative(require = own) {
  if (isMusl()) return undefined // both would be found, and load on glibc alone
  const official = manifestOf(require, 'onnxruntime-node')
  if (official !== undefined && isNewEnough(official.version)) return official
  return manifestOf(require, platformPackage())
}

/** The package of the WebAssembly form, which a user installs; undefined: it is not there. Loads nothing. */
export function findWasm(require = own) {
  return manifestOf(require, 'onnxruntime-web')
}

/** ONNX Runtime over the native library. Throws where there is none, or where it does not load. */
export async function loadNative(require = own) {
  const found = findNative(require)
  if (found === undefined) throw new Error(`none of onnxruntime-node and ${platformPackage()} is installed`)
  if (found.name === 'onnxruntime-node') {
    const ort = require(found.name)
    ort.env.logLevel = 'fatal'
    return ort
  }
  const binding = require(found.name)
  const ort = require('onnxruntime-common')
  binding.initOrtOnce(FATAL, ort.Tensor, isMainThread)
  for (const { name } of binding.listSupportedBackends()) ort.registerBackend(name, backendOver(binding), 1)
  return ort
}

// Some systems with glibc have musl beside it; the report, which takes a while to make, tells what this process runs on.
function isMusl() {
  if (process.platform !== 'linux') return false
  const hasMusl = namesIn('/lib').some((name) => name.startsWith('ld-musl-'))
  return hasMusl && process.report.getReport().header.glibcVersionRuntime === undefined
}

function namesIn(folder) {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function manifestOf(require, name) {
  for (const folder of require.resolve.paths(name) ?? [])
    try {
      const { version } = require(`${folder}/${name}/package.json`)
      return { name, version, folder: `${folder}/${name}` }
    } catch {
      // not in this folder
    }
  return undefined
}

function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number)
  return major === OLDEST[0] && minor >= OLDEST[1]
}

// What onnxruntime-common asks of a backend, on the binding's own session.
function backendOver(binding) {
  return {
    init: async () => {},
    createInferenceSessionHandler: async (model, options = {}) => {
      const session = new binding.InferenceSession()
      if (typeof model === 'string') session.loadModel(model, options)
      else session.loadModel(model.buffer, model.byteOffset, model.byteLength, options)
      const names = (values) => values.map(({ name }) => name)
      return {
        inputNames: names(session.inputMetadata),
        outputNames: names(session.outputMetadata),
        inputMetadata: [],
        outputMetadata: [],
        startProfiling: () => {}, // begins with the session
        endProfiling: () => session.endProfiling(),
        run: async (feeds, fetches, options) => session.run(feeds, fetches, options),
        dispose: async () => session.dispose(),
      }
    },
  }
}
