/** tfjs passes the suite of backends, on plain JavaScript and on wasm. */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { checkBackend } from '@espalier/testkit'
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { beforeAll, describe, test } from 'vitest'
import { tfjs } from './index.js'

const { resolve } = createRequire(import.meta.url)
setWasmPaths(join(dirname(resolve('@tensorflow/tfjs-backend-wasm')), '/'))

describe.each(['cpu', 'wasm'])('tfjs on %s', (name) => {
  beforeAll(async () => {
    await tf.setBackend(name)
  })

  checkBackend(() => tfjs({ tf }), { test })
})
