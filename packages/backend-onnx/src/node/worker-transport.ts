/** The runtime in a worker thread: starts it, matches answers to requests, and lets the process end when nothing is under way. */
import { Worker } from 'node:worker_threads'
import { closedError, EspalierError } from '@espalier/core'
import type { HostAnswers, HostRequest } from '../host.mjs'
import { platformPackage } from '../runtime.mjs'
import type { Transport } from '../transport.js'

interface Pending {
  resolve(value: unknown): void
  reject(error: unknown): void
}

interface Answer {
  readonly id: number
  readonly value?: unknown
  readonly error?: WorkerFailure
}

interface WorkerFailure {
  readonly message: string
  readonly code?: string
  readonly slot?: string
  /** A file that could not be read. */
  readonly file?: string
  /** The failure happened while the runtime was being loaded. */
  readonly loading?: boolean
}

const LONGEST_WAIT_MS = 120_000 // for one step, when the process exits
const POLL_MS = 2

/** Starts a worker that runs `entry`. */
export function workerTransport(entry: URL): Transport {
  return new WorkerTransport(entry)
}

class WorkerTransport implements Transport {
  private readonly gate = new Int32Array(new SharedArrayBuffer(8))
  private readonly pending = new Map<number, Pending>()
  private readonly worker: Worker
  private readonly onExit = () => this.waitForNativeCode()
  private count = 0
  private ended: EspalierError | undefined

  constructor(entry: URL) {
    this.worker = new Worker(entry, {
      workerData: { gate: this.gate.buffer },
      stdout: false,
      stderr: false,
      execArgv: [],
    })
    this.worker.on('message', (answer: Answer) => this.settle(answer))
    this.worker.unref() // after the listener, which would hold the process again
    this.worker.on('error', (cause) =>
      this.end(new EspalierError('backend.failed', { what: 'the worker thread of ONNX Runtime failed', cause })),
    )
    this.worker.on('exit', () => this.end(closedError('onnx')))
    process.on('exit', this.onExit)
  }

  request<K extends HostRequest['type']>(request: Extract<HostRequest, { type: K }>): Promise<HostAnswers[K]> {
    return new Promise((resolve, reject) => {
      if (this.ended !== undefined) return reject(this.ended)
      const id = this.count++
      // The process stays alive while an answer is awaited, and no longer.
      if (this.pending.size === 0) this.worker.ref()
      this.pending.set(id, { resolve: (value) => resolve(value as HostAnswers[K]), reject })
      this.worker.postMessage({ id, request }, handedOver(request))
    })
  }

  async close(): Promise<void> {
    while (this.pending.size > 0 && this.ended === undefined) {
      await Promise.allSettled(
        [...this.pending.values()].map((one) => new Promise<void>((resolve) => follow(one, resolve))),
      )
    }
    this.ended ??= closedError('onnx')
    // Ending the thread inside native code aborts the process: it may still be loading the runtime, which nobody asked for.
    Atomics.store(this.gate, 1, 1)
    while (Atomics.load(this.gate, 0) > 0) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    process.off('exit', this.onExit)
    await this.worker.terminate()
  }

  private settle({ id, value, error }: Answer): void {
    const pending = this.pending.get(id)
    this.pending.delete(id)
    if (this.pending.size === 0) this.worker.unref()
    if (error === undefined) pending?.resolve(value)
    else pending?.reject(asError(error))
  }

  private end(error: EspalierError): void {
    this.ended ??= error
    process.off('exit', this.onExit)
    for (const { reject } of this.pending.values()) reject(this.ended)
    this.pending.clear()
  }

  // Ending the process inside native code aborts it; the step under way is waited for, and nothing new starts.
  private waitForNativeCode(): void {
    Atomics.store(this.gate, 1, 1)
    const deadline = Date.now() + LONGEST_WAIT_MS
    for (let busy = Atomics.load(this.gate, 0); busy > 0 && Date.now() < deadline; busy = Atomics.load(this.gate, 0))
      Atomics.wait(this.gate, 0, busy, deadline - Date.now())
  }
}

function follow(pending: Pending, done: () => void): void {
  const { resolve, reject } = pending
  pending.resolve = (value) => {
    resolve(value)
    done()
  }
  pending.reject = (error) => {
    reject(error)
    done()
  }
}

function asError(failure: WorkerFailure): Error {
  const cause = new Error(failure.message)
  if (failure.loading === true) {
    return loadingError(failure, cause)
  }
  if (failure.file !== undefined) {
    return new EspalierError('file.read', { what: 'a weight file cannot be read', got: { file: failure.file }, cause })
  }
  return Object.assign(cause, { slot: failure.slot })
}

function loadingError({ message, code }: WorkerFailure, cause: Error): EspalierError {
  const reason = code ?? message.split('\n')[0]
  // The system's loader takes a library of the same name that is loaded already, whatever its version.
  if (/version .VERS_[\d.]+. not found/.test(message)) {
    return new EspalierError('backend.missing', {
      what: 'another version of ONNX Runtime is loaded in this process, and two cannot be',
      got: { reason: message.split('\n')[0] },
      fix: `Have one version of onnxruntime-node for both ("overrides" in package.json), or run one of the two in a process of its own.`,
      cause,
    })
  }
  return new EspalierError('backend.missing', {
    what: 'ONNX Runtime has no library for this system',
    got: { platform: process.platform, arch: process.arch, reason },
    fix: `Run npm install ${platformPackage()} (or onnxruntime-node). Musl (Alpine) and Intel Macs have neither: npm install onnxruntime-web, which espalier then uses by itself and a program through onnxWeb() of @espalier/backend-onnx/web, 4 to 5 times slower.`,
    cause,
  })
}

// State belongs to the request alone: its memory goes to the worker as it is, without a copy.
function handedOver(request: HostRequest): ArrayBuffer[] {
  return request.type === 'createState' || request.type === 'writeState'
    ? request.tensors.map(({ data }) => data.buffer as ArrayBuffer)
    : []
}
