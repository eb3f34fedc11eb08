/** The runtime in the thread of its caller, as WebAssembly: requests are answered one after another. */
import { closedError } from '@espalier/core'
import { Host, type HostAnswers, type HostRequest } from './host.mjs'
import type { Transport } from './transport.js'

/** A transport to the runtime that `load` gives; it is loaded at the first request. */
export function inPlaceTransport(load: () => Promise<unknown>): Transport {
  let host: Promise<Host> | undefined
  let queue: Promise<unknown> = Promise.resolve()
  const open = new Set<number>()
  let closed = false

  const ask = async <K extends HostRequest['type']>(
    request: Extract<HostRequest, { type: K }>,
  ): Promise<HostAnswers[K]> => {
    host ??= load().then((ort) => new Host(ort))
    const answer = await (await host).handle(request)
    const { type, session } = request as { type: string; session?: number }
    if (type === 'open' && session !== undefined) open.add(session)
    if (type === 'close' && session !== undefined) open.delete(session)
    return answer
  }
  const enqueue = <T>(work: () => Promise<T>): Promise<T> => {
    const done = queue.then(work)
    queue = done.catch(() => {}) // whoever asked gets the error
    return done
  }

  return {
    request(request) {
      if (closed) return Promise.reject(closedError('onnx-web'))
      return enqueue(() => ask(request))
    },
    close() {
      closed = true
      return enqueue(async () => {
        for (const session of [...open]) await ask({ type: 'close', session })
      })
    },
  }
}
