/** The backends of the example: one line each is all that differs. */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { onnx } from '@espalier/backend-onnx'
import { tfjs } from '@espalier/backend-tfjs'
import { type Backend, reference } from '@espalier/core'
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'

/** Opens each backend by the name that the table shows. */
export const backends: Readonly<Record<string, () => Promise<Backend>>> = {
  reference: async () => reference(),
  onnx: async () => onnx(),
  'tfjs (cpu)': () => tfjsOn('cpu'),
  'tfjs (wasm)': () => tfjsOn('wasm'),
}

// With tfjs-node or tfjs-node-gpu there is nothing to choose: import * as tf from it, and tfjs({ tf }).
async function tfjsOn(name: 'cpu' | 'wasm'): Promise<Backend> {
  tf.enableProdMode() // or tfjs prints advice
  const { resolve } = createRequire(import.meta.url)
  setWasmPaths(join(dirname(resolve('@tensorflow/tfjs-backend-wasm')), '/'))
  await tf.setBackend(name)
  return tfjs({ tf })
}
