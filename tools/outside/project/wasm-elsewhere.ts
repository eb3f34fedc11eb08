// What a page is told when a server answers with its page instead of the runtime's .wasm file: where it is said to be, and beside the module.
import { EspalierError, namedBackend } from 'espalier'

const { add, constant } = await import('@espalier/core')
const y = add(constant(1, 'f32', [2]), constant(2, 'f32', [2]))
const said: string[] = []
for (const settings of [{ wasmPaths: { wasm: '/nowhere/ort-wasm-simd-threaded.wasm' } }, {}])
  try {
    const backend = await namedBackend('onnx', settings)
    await backend.compile({ name: 'sum', outputs: { y } })
    said.push('it compiled')
  } catch (error) {
    said.push(EspalierError.isInstance(error) ? `${error.code}: ${error.message}` : String(error))
  }
document.body.textContent = said.join('\n')
