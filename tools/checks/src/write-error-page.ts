/** `npm run docs:errors`: writes docs/errors.md. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorCodes } from '@espalier/core'
import { errorPage } from './error-page.js'
import { root } from './workspaces.js'

mkdirSync(join(root, 'docs'), { recursive: true })
writeFileSync(join(root, 'docs/errors.md'), errorPage(errorCodes))
