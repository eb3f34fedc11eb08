import { copyFile } from 'node:fs/promises'
import { library } from '../../tsup.base.js'

export default library({
  entry: ['src/index.ts', 'src/web.ts'],
  platform: 'node',
  shims: true,
  external: ['onnxruntime-node', 'onnxruntime-web'],
  // The worker is started as a file beside the bundle, in CommonJS too.
  async onSuccess() {
    for (const name of ['worker.mjs', 'host.mjs']) await copyFile(`src/${name}`, `dist/${name}`)
  },
})
