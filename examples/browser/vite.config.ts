/** The page's build. What Espalier asks of a bundler is in optimizeDeps; the rest is this page's own. */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { defineConfig } from 'vite'

const espalier = dirname(createRequire(import.meta.url).resolve('espalier/package.json'))

export default defineConfig({
  base: './',
  // The small model that comes with the package, and rows to train it on.
  publicDir: join(espalier, 'assets/quickstart'),
  worker: { format: 'es' },
  // The development server finds what a worker imports only when it runs, and would reload the page then.
  optimizeDeps: { include: ['espalier', 'onnxruntime-web/wasm'] },
})
