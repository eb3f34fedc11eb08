/** `npm run check:files`: every tracked text file keeps the rules of file-rules.ts. */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { checkFile } from './file-rules.js'
import { report, root, trackedFiles } from './workspaces.js'

const files = trackedFiles().filter((path) => statSync(join(root, path)).isFile())
const problems = files.flatMap((path) => {
  const bytes = readFileSync(join(root, path))
  return bytes.includes(0) ? [] : checkFile(path, bytes.toString('utf8'))
})
report('files', problems, `${files.length} files`)
