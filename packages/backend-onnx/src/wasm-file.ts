/** The runtime's own WebAssembly file, as a browser gets it: what comes from its address is looked at before the runtime takes it. */
import { EspalierError } from '@espalier/core'

/** Where ONNX Runtime's files lie: the address of a folder, ending in a slash, or those of the files. */
export type WasmPaths = string | { readonly wasm?: string | URL; readonly mjs?: string | URL }

const MAGIC = [0x00, 0x61, 0x73, 0x6d] // "\0asm"

const FIX =
  "Give the file’s own address: namedBackend('onnx', { wasmPaths: { wasm } }), or onnxWeb({ wasmPaths: { wasm } }). " +
  "With Vite: import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url'. " +
  "With webpack: const wasm = new URL('onnxruntime-web/ort-wasm-simd-threaded.wasm', import.meta.url). " +
  "With Next.js: copy the file to public/, and wasm = '/ort-wasm-simd-threaded.wasm'."

/** The bytes of a .wasm file at an address. Throws backend.missing when there is none, or something else. */
export async function fetchWasm(address: string | URL): Promise<Uint8Array<ArrayBuffer>> {
  let answer: Response
  try {
    answer = await fetch(address)
  } catch (cause) {
    throw notWasm('ONNX Runtime’s .wasm file cannot be fetched', { address: String(address) }, cause)
  }
  const got = { address: String(address), status: answer.status, contentType: answer.headers.get('content-type') }
  if (!answer.ok) throw notWasm('there is no ONNX Runtime at the address of its .wasm file', got)
  const bytes = new Uint8Array(await answer.arrayBuffer())
  if (MAGIC.some((byte, i) => bytes[i] !== byte))
    throw notWasm(
      `the address of ONNX Runtime’s .wasm file answers with ${isPage(bytes) ? 'a page' : 'something else'}`,
      { ...got, firstBytes: hex(bytes) },
    )
  return bytes
}

/** What a failure of the runtime to start says of its .wasm file, which it fetched itself; undefined when it failed otherwise. */
export function wasmFailure(message: string, cause: unknown): EspalierError | undefined {
  const found = NO_WASM.map((pattern) => pattern.exec(message)).find((match) => match !== null)
  if (found == null) return undefined
  const firstBytes = found.groups?.bytes?.trim()
  const what = firstBytes?.startsWith('3c')
    ? 'the address where ONNX Runtime looks for its .wasm file answers with a page'
    : 'ONNX Runtime’s .wasm file is not where ONNX Runtime looks for it'
  return notWasm(what, firstBytes === undefined ? {} : { firstBytes }, cause)
}

// As Chromium, Firefox and Safari say it, and the runtime where nothing is at the address.
const NO_WASM = [
  /expected magic word 00 61 73 6d, found (?<bytes>(?:[0-9a-f]{2} ?)+)/,
  /failed to match magic number/,
  /doesn't start with '\\0asm'/,
  /both async and sync fetching of the wasm failed/,
]

function notWasm(what: string, got: Readonly<Record<string, string | number | null>>, cause?: unknown): EspalierError {
  return new EspalierError('backend.missing', { what, got, fix: FIX, ...(cause === undefined ? {} : { cause }) })
}

function isPage(bytes: Uint8Array): boolean {
  return bytes.find((byte) => byte > 0x20) === 0x3c // "<" after spaces
}

function hex(bytes: Uint8Array): string {
  return [...bytes.subarray(0, MAGIC.length)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
}
