import { copyFile, mkdir } from 'node:fs/promises'
import { library } from '../../tsup.base.js'

export default library({
  entry: ['src/index.ts', 'src/web.ts'],
  platform: 'node',
  shims: true,
  external: ['#onnxruntime-web'],
  // The worker is started as a file beside the bundle, in CommonJS too.
  async onSuccess() {
    await mkdir('dist/packed', { recursive: true })
    const packed = ['machine.mjs', 'allocator.mjs', 'pack.mjs', 'steps.mjs', 'product-thread.mjs', 'kernels.wasm']
    for (const name of ['worker.mjs', 'host.mjs', 'runtime.mjs', ...packed.map((file) => `packed/${file}`)])
      await copyFile(`src/${name}`, `dist/${name}`)
  },
})
