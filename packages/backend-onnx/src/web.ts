/** @module The same programs on onnxruntime-web: WebAssembly in browsers, and in Node where no native library exists. 4 to 5 times slower than native. */
import { type Backend, EspalierError, hostTensorFromBytes } from '@espalier/core'
import { inPlaceTransport } from './in-place-transport.js'
import type { OnnxType } from './model/onnx-model.js'
import { onnxBackend } from './onnx-backend.js'
import { checkThreads } from './threads.js'
import type { WeightStore } from './transport.js'
import { fetchWasm, type WasmPaths } from './wasm-file.js'
import { converted, toWire } from './wire.js'

export type { WasmPaths } from './wasm-file.js'

/** Settings of the WebAssembly backend. */
export interface OnnxWebOptions {
  /** The module onnxruntime-web, where it must not be imported by that name: another build of it, or one that is configured already. */
  readonly ort?: unknown
  /** Threads that compute; in browsers more than one needs cross-origin isolation. Default: the module's own. */
  readonly threads?: number
  /** Where the runtime's files lie, when not beside its module: bundlers move them. `{ wasm }` is read before the runtime starts and refused when it is something else. */
  readonly wasmPaths?: WasmPaths
}

const MOST_SESSIONS = 24 // each keeps its graph, some megabytes

/** A backend on WebAssembly. It computes in the calling thread: start it inside a worker where that matters. */
export function onnxWeb(options: OnnxWebOptions = {}): Backend {
  if (options.threads !== undefined) checkThreads(options.threads)
  return onnxBackend({
    name: 'onnx-web',
    transport: inPlaceTransport(async () => configured(options.ort ?? (await imported()), options)),
    store: memoryWeights,
    sessions: {
      most: MOST_SESSIONS,
      arenaBytes: 0, // the heap is small, and every arena keeps its peak
      profiled: false,
      options: () => ({
        executionProviders: ['wasm'],
        graphOptimizationLevel: 'disabled', // the graph is optimised already, and reordering costs memory
        executionMode: 'sequential',
        enableCpuMemArena: false,
        enableMemPattern: false,
        logSeverityLevel: 4,
        extra: { session: { disable_prepacking: '1' } },
      }),
    },
  })
}

/** Weights in memory, mounted as files of the models that use them. */
const memoryWeights: WeightStore = {
  folder: undefined,
  async place(sources, hold, { signal, onProgress }) {
    const total = sources.reduce((sum, { source }) => sum + (source.file?.byteLength ?? 0), 0)
    let done = 0
    const places = []
    for (const { source, dtype } of sources) {
      signal?.throwIfAborted()
      const bytes = await source.read()
      const wire = toWire(converted(hostTensorFromBytes(source.dtype, source.shape, bytes), dtype))
      const { id } = await hold(wire)
      const type = wire.type as OnnxType
      places.push({
        kind: 'file' as const,
        location: `weight${id}`,
        offset: 0,
        byteLength: wire.data.byteLength,
        type,
        mounted: id,
      })
      done += bytes.byteLength
      onProgress?.(done, total, 'reading weights')
    }
    return places
  },
}

async function imported(): Promise<unknown> {
  try {
    const module = (await import('#onnxruntime-web')) as { default?: unknown }
    return module.default ?? module
  } catch (cause) {
    throw new EspalierError('backend.missing', {
      what: 'onnxruntime-web is not installed',
      got: { backend: 'onnx-web' },
      fix: 'Run npm install onnxruntime-web, or pass the module as ort.',
      cause,
    })
  }
}

async function configured(ort: unknown, { threads, wasmPaths }: OnnxWebOptions): Promise<unknown> {
  const { env } = ort as { env?: { logLevel?: string; wasm?: WasmSettings } }
  if (env === undefined) return ort
  env.logLevel = 'fatal' // what it has to say comes with the errors that it throws
  if (env.wasm === undefined) return ort
  if (threads !== undefined) env.wasm.numThreads = threads
  if (wasmPaths !== undefined) {
    env.wasm.wasmPaths = wasmPaths
    const file = typeof wasmPaths === 'string' ? undefined : wasmPaths.wasm
    if (file !== undefined && !String(file).startsWith('file:')) env.wasm.wasmBinary = await fetchWasm(file)
  }
  return ort
}

/** What is set of onnxruntime-web's env.wasm. */
interface WasmSettings {
  numThreads?: number
  wasmPaths?: WasmPaths
  wasmBinary?: Uint8Array
}
