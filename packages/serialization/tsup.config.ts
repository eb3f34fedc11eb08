import { defineConfig } from 'tsup'
import { library } from '../../tsup.base.js'

/** Node's build, and the same sources with platform/browser.ts in the place of platform/node.ts. */
export default defineConfig([
  library({ clean: ['!browser/**'] }) as object,
  {
    ...(library() as object),
    outDir: 'dist/browser',
    dts: false,
    esbuildPlugins: [
      {
        name: 'browser-platform',
        setup(build) {
          build.onResolve({ filter: /\/node\.js$/ }, ({ path, resolveDir }) => ({
            path: `${resolveDir}/${path.replace(/node\.js$/, 'browser.ts')}`,
          }))
        },
      },
    ],
  },
])
