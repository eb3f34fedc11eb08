/** `npm run docs:cli`: writes docs/cli.md. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cliPage } from './cli-page.js'
import { root } from './workspaces.js'

mkdirSync(join(root, 'docs'), { recursive: true })
writeFileSync(join(root, 'docs/cli.md'), cliPage())
