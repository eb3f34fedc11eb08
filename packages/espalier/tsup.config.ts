import { defineConfig } from 'tsup'
import { library } from '../../tsup.base.js'

/** Node's build, and the library's sources with browser.ts in the place of node.ts, below platform/. */
export default defineConfig([
  library({
    entry: ['src/index.ts', 'src/cli.ts'],
    platform: 'node',
    shims: true,
    clean: ['!browser/**'],
  }) as object,
  {
    ...(library() as object),
    outDir: 'dist/browser',
    dts: false,
    esbuildPlugins: [
      {
        name: 'browser-platform',
        setup(build) {
          build.onResolve({ filter: /\/platform\/(?:settle\/)?node\.js$/ }, ({ path, resolveDir }) => ({
            path: `${resolveDir}/${path.replace(/node\.js$/, 'browser.ts')}`,
          }))
        },
      },
    ],
  },
])
