/** `npm run docs:architectures`: writes docs/architectures.md. The order of architectures is that in which git got their files. */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { architectures } from '@espalier/models'
import { architectureCosts, architectureFile } from './architecture-costs.js'
import { architecturePage } from './architecture-page.js'
import { importsOf } from './import-graph.js'
import { root, trackedFiles } from './workspaces.js'

const folder = 'packages/models/src'

const files = trackedFiles()
  .filter((path) => path.startsWith(`${folder}/`) && path.endsWith('.ts'))
  .map((path) => {
    const text = readFileSync(join(root, path), 'utf8')
    return { path, imports: importsOf(path, text), lines: text.split('\n').length - 1 }
  })
const added = execFileSync('git', ['log', '--reverse', '--diff-filter=A', '--format=', '--name-only', '--', folder], {
  cwd: root,
  encoding: 'utf8',
}).split('\n')
// What git does not know yet comes last.
const place = (modelType: string) => (added.indexOf(architectureFile(folder, modelType)) + added.length) % added.length
const modelTypes = architectures.map(({ modelType }) => modelType).sort((a, b) => place(a) - place(b))
writeFileSync(join(root, 'docs/architectures.md'), architecturePage(architectureCosts(files, folder, modelTypes)))
