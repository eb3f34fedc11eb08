/** `prepack` of the umbrella package: puts the guides beside it, to which the READMEs of all packages link. */
import { copyFileSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './steps.mjs'

const folder = join(root, 'packages/espalier/docs')
mkdirSync(folder, { recursive: true })
const guides = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'))
for (const path of ['README.md', 'ARCHITECTURE.md', ...guides.map((name) => `docs/${name}`)])
  copyFileSync(join(root, path), join(folder, path.split('/').at(-1)))
