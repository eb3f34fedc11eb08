/** The worker thread that ONNX Runtime runs in: `run()` blocks the thread that calls it. Requests are answered in order by a Host. */
import { open, readFile } from 'node:fs/promises'
import { parentPort, Worker, workerData } from 'node:worker_threads'
import { Host } from './host.mjs'
import { PackedMachine } from './packed/machine.mjs'
import { loadNative } from './runtime.mjs'

// Slot 0 is above 0 while native code may run, so that an exiting process can wait for it; slot 1 is 1 once nothing new may start.
const gate = new Int32Array(workerData.gate)
let host
let loading
let queue = loadAhead()

// Once for all who wait for it; a failure is tried again by who comes next.
function load() {
  loading ??= loadNative().then(
    (ort) => {
      host = new Host(ort, startMachine)
    },
    (error) => {
      loading = undefined
      throw error
    },
  )
  return loading
}

// Loaded before anything is asked for: it takes a while, during which the main thread opens a model. A failure is told to whoever asks.
async function loadAhead() {
  Atomics.add(gate, 0, 1)
  try {
    if (Atomics.load(gate, 1) === 0) await load()
  } catch {
    // the first request fails in the same way
  } finally {
    Atomics.sub(gate, 0, 1)
    Atomics.notify(gate, 0)
  }
}

async function answer({ id, request }) {
  Atomics.add(gate, 0, 1)
  try {
    if (Atomics.load(gate, 1) === 1) return
    if (host === undefined) await load()
    const value = await host.handle(
      request.tensor?.file === undefined ? request : { ...request, tensor: await read(request.tensor) },
    )
    parentPort.postMessage({ id, value }, request.type === 'readState' ? value.map(({ buffer }) => buffer) : [])
  } catch (error) {
    parentPort.postMessage({
      id,
      error: {
        message: error?.message ?? String(error),
        code: error?.code,
        slot: error?.slot,
        file: error?.file,
        loading: host === undefined,
      },
    })
  } finally {
    Atomics.sub(gate, 0, 1)
    Atomics.notify(gate, 0)
  }
}

// Weights are read from files a few at a time. What has nothing to do with them goes on meanwhile: making state, and opening a session
// that takes its weights with every run, as most do.
const readers = Array(4).fill(queue)
let reads = 0
parentPort.on('message', (message) => {
  const { type, tensor, mounts } = message.request
  const reader = reads % readers.length
  if (tensor?.file !== undefined) {
    readers[reader] = Promise.all([queue, readers[reader]]).then(() => answer(message))
    reads++
  } else if (type === 'createState' || (type === 'open' && mounts === undefined))
    queue = queue.then(() => answer(message))
  else queue = Promise.all([queue, ...readers]).then(() => answer(message))
})

async function startMachine(threads) {
  const module = await WebAssembly.compile(await readFile(new URL('./packed/kernels.wasm', import.meta.url)))
  return new PackedMachine(module, threads, (workerData) => {
    const helper = new Worker(new URL('./packed/product-thread.mjs', import.meta.url), { workerData, execArgv: [] })
    helper.unref()
    helper.on('error', () => {}) // a thread that is missing costs time only
    return { end: () => helper.terminate() }
  })
}

const arrays = {
  f32: Float32Array,
  f64: Float64Array,
  i32: Int32Array,
  u32: Uint32Array,
  u8: Uint8Array,
  i8: Int8Array,
  bool: Uint8Array,
}
const CHUNK = 1 << 28 // bytes; some systems refuse to read more than 2 GB at once

// A tensor in a file, read straight into memory of this thread.
async function read({ type, shape, file: { path, offset, byteLength } }) {
  const bytes = new Uint8Array(byteLength)
  const file = await open(path).catch((error) => {
    throw Object.assign(error, { file: path })
  })
  try {
    for (let at = 0; at < byteLength; ) {
      const { bytesRead } = await file.read(bytes, at, Math.min(CHUNK, byteLength - at), offset + at)
      if (bytesRead === 0) throw Object.assign(new Error(`${path} ended too early`), { file: path })
      at += bytesRead
    }
  } finally {
    await file.close()
  }
  return { type, shape, data: new arrays[type](bytes.buffer) }
}
