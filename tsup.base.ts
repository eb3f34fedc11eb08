/**
 * How every package is built: ESM and CommonJS with types for both, for Node 20 and current browsers.
 * A package adds its entries and whatever is particular to it in its own tsup.config.ts.
 */
import { defineConfig, type Options } from 'tsup'

/** The tsup configuration of a library; `options` win over the shared ones. */
export function library(options: Options = {}) {
  return defineConfig({
    entry: ['src/index.ts'],
    format: ['esm', 'cjs'],
    dts: true,
    target: ['node20', 'es2022'],
    platform: 'neutral',
    // Not the root tsconfig.json: its paths lead to other packages' sources, and a build must see their dist instead. It includes next to
    // nothing, or every build would read the whole repository, other packages' half-written dist among it.
    tsconfig: '../../tsconfig.build.json',
    clean: true,
    splitting: true,
    treeshake: true,
    sourcemap: false,
    silent: true,
    // In CommonJS an import() that stays would load the ESM twin of a package that was required already, whose classes are others.
    esbuildOptions(settings, { format }) {
      if (format === 'cjs') settings.supported = { ...settings.supported, 'dynamic-import': false }
    },
    ...options,
  })
}
