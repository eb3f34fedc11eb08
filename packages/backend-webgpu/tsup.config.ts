import { defineConfig } from 'tsup'
import { library } from '../../tsup.base.js'

// The package `webgpu` is ESM alone: CommonJS must reach it through an import() that stays one.
const asWritten = { external: ['webgpu'], esbuildOptions: () => {} }

/** Node's build, and the same sources with platform/browser.ts in the place of platform/node.ts. */
export default defineConfig([
  library({ ...asWritten, clean: ['!browser/**'] }) as object,
  {
    ...(library() as object),
    ...asWritten,
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
