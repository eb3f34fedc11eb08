/** One vitest run over the whole repository; imports between packages resolve to sources, so no build is needed. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const root = fileURLToPath(new URL('.', import.meta.url))

/** `@espalier/core` -> packages/core/src/index.ts and `@espalier/core/x` -> packages/core/src/x, for every package and plugin. */
const alias = ['packages', 'plugins'].flatMap((group) =>
  readdirSync(join(root, group)).flatMap((folder) => {
    const manifest = join(root, group, folder, 'package.json')
    if (!existsSync(manifest)) return []
    const { name } = JSON.parse(readFileSync(manifest, 'utf8')) as { name: string }
    const source = join(root, group, folder, 'src')
    return [
      { find: new RegExp(`^${name}$`), replacement: join(source, 'index.ts') },
      { find: new RegExp(`^${name}/(?!package\\.json$)(.+)$`), replacement: join(source, '$1') },
    ]
  }),
)

export default defineConfig({
  resolve: { alias },
  test: {
    include: ['{packages,plugins,tools}/*/src/**/*.test.ts', 'examples/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    environment: 'node',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    passWithNoTests: true,
  },
})
