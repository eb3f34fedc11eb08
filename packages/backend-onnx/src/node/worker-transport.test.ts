/** The thread ends only where ending it is safe. */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { workerTransport } from './worker-transport.js'

it('closing waits for native code that nobody asked for', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'espalier-worker-'))
  const [started, finished] = [join(folder, 'started'), join(folder, 'finished')]
  try {
    // In place of the runtime being loaded: a thread that is busy for a while.
    const transport = workerTransport(
      new URL(
        `data:text/javascript,${encodeURIComponent(`
        import { writeFileSync } from 'node:fs'
        import { workerData } from 'node:worker_threads'
        const gate = new Int32Array(workerData.gate)
        Atomics.store(gate, 0, 1)
        writeFileSync(${JSON.stringify(started)}, '')
        setTimeout(() => {
          writeFileSync(${JSON.stringify(finished)}, '')
          Atomics.store(gate, 0, 0)
        }, 300)
        setInterval(() => {}, 1000)
      `)}`,
      ),
    )
    await vi.waitFor(() => expect(existsSync(started)).toBe(true), 5000)
    await transport.close()
    expect(existsSync(finished)).toBe(true)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
