import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runtimeError } from './runtime-error.js'
import { fetchWasm } from './wasm-file.js'

const WASM = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)
let server: Server
let origin: string

beforeAll(async () => {
  // As a development server answers: the page for whatever it does not know.
  server = createServer(({ url }, answer) => {
    if (url === '/runtime.wasm') answer.setHeader('content-type', 'application/wasm').end(WASM)
    else if (url === '/absent.wasm') answer.writeHead(404).end()
    else answer.setHeader('content-type', 'text/html').end('\n<!doctype html><title>app</title>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => server.close())

describe('the runtime’s .wasm file', () => {
  it('is taken by its bytes', async () => {
    expect(await fetchWasm(`${origin}/runtime.wasm`)).toEqual(WASM)
  })

  it('is told from a page, whatever the server calls it, with how to give its address', async () => {
    const failure = fetchWasm(new URL('/deps/runtime.wasm', origin))
    await expect(failure).rejects.toMatchObject({
      code: 'backend.missing',
      details: { status: 200, contentType: 'text/html', firstBytes: '0a 3c 21 64' },
      fix: expect.stringContaining('wasmPaths'),
    })
  })

  it('is said to be absent', async () => {
    await expect(fetchWasm(`${origin}/absent.wasm`)).rejects.toMatchObject({ details: { status: 404 } })
    await expect(fetchWasm('http://127.0.0.1:1/no.wasm')).rejects.toMatchObject({ code: 'backend.missing' })
  })

  it('is what a runtime means that fetched a page by itself, in each browser’s words', () => {
    for (const message of [
      'no available backend found. ERR: [wasm] RuntimeError: Aborted(CompileError: WebAssembly.instantiate(): expected magic word 00 61 73 6d, found 3c 21 64 6f @+0).',
      'Aborted(CompileError: wasm validation error: at offset 4: failed to match magic number)',
      "Aborted(CompileError: WebAssembly.Module doesn't parse at byte 0: module doesn't start with '\\0asm')",
      'Aborted(both async and sync fetching of the wasm failed)',
    ])
      expect(runtimeError(new Error(message), 'prepare', 'p')).toMatchObject({
        code: 'backend.missing',
        fix: expect.stringContaining('wasmPaths'),
      })
  })
})
