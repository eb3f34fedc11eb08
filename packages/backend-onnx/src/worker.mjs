/** The worker thread that ONNX Runtime runs in: `run()` blocks the thread that calls it. Requests are answered in order by a Host. */
import { parentPort, workerData } from 'node:worker_threads'
import { Host } from './host.mjs'

// Slot 0 is 1 while native code runs, so that an exiting process can wait for it; slot 1 is 1 once nothing new may start.
const gate = new Int32Array(workerData.gate)
let host
let queue = Promise.resolve()

async function answer({ id, request }) {
  Atomics.store(gate, 0, 1)
  try {
    if (Atomics.load(gate, 1) === 1) return
    if (host === undefined) {
      const ort = await import('onnxruntime-node')
      ort.env.logLevel = 'fatal' // what it has to say comes with the errors that it throws
      host = new Host(ort.default ?? ort)
    }
    const value = await host.handle(request)
    parentPort.postMessage({ id, value })
  } catch (error) {
    parentPort.postMessage({
      id,
      error: {
        message: error?.message ?? String(error),
        code: error?.code,
        slot: error?.slot,
        loading: host === undefined,
      },
    })
  } finally {
    Atomics.store(gate, 0, 0)
    Atomics.notify(gate, 0)
  }
}

parentPort.on('message', (message) => {
  queue = queue.then(() => answer(message))
})
