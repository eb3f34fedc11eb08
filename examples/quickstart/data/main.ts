/** Writes the quickstart's data set: `npx tsx examples/quickstart/data/main.ts`. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { dataFiles } from './rows.js'

const folder = fileURLToPath(new URL('../../../packages/espalier/assets/quickstart/data', import.meta.url))
await mkdir(folder, { recursive: true })
for (const [name, text] of dataFiles()) await writeFile(join(folder, name), text)
