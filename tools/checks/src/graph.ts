/** `npm run check:graph`: imports go one way and never in a circle. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkImports } from './graph-rules.js'
import { importsOf } from './import-graph.js'
import { report, root, trackedFiles, workspaces } from './workspaces.js'

const files = trackedFiles()
  .filter((path) => /\.(ts|mts|tsx)$/.test(path))
  .map((path) => ({ path, imports: importsOf(path, readFileSync(join(root, path), 'utf8')) }))
report('imports', checkImports(files, workspaces()), `${files.length} files, one way, no cycle`)
