/** `npm run check:docs`: public exports have doc comments, and docs/errors.md and docs/cli.md are the pages that their tables give. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorCodes } from '@espalier/core'
import ts from 'typescript'
import { cliPage } from './cli-page.js'
import { errorPage } from './error-page.js'
import { type Entry, undocumentedExports } from './export-docs.js'
import { publicWorkspaces, report, root, type Workspace } from './workspaces.js'

const configFile = join(root, 'tsconfig.json')
const { options } = ts.parseJsonConfigFileContent(ts.readConfigFile(configFile, ts.sys.readFile).config, ts.sys, root)
const { problems, count } = undocumentedExports(publicWorkspaces().flatMap(entriesOf), options)

const page = join(root, 'docs/errors.md')
if (!existsSync(page) || readFileSync(page, 'utf8') !== errorPage(errorCodes))
  problems.push('docs/errors.md is not what the catalogue of error codes gives; run npm run docs:errors')

const commands = join(root, 'docs/cli.md')
if (!existsSync(commands) || readFileSync(commands, 'utf8') !== cliPage())
  problems.push('docs/cli.md is not what the table of options gives; run npm run docs:cli')

report('documentation', problems, `${count} exports, ${Object.keys(errorCodes).length} error codes`)

/** The sources behind a package's exports: `.` is src/index.ts, `./x` is src/x.ts or src/x/index.ts. */
function entriesOf({ folder, name, manifest }: Workspace): Entry[] {
  return Object.keys(manifest.exports ?? {}).flatMap((key) => {
    if (key === './package.json' || key.includes('*')) return []
    const subpath = key.slice(2) || 'index'
    const source = [`${subpath}.ts`, `${subpath}/index.ts`]
      .map((file) => join(root, folder, 'src', file))
      .find((file) => existsSync(file))
    if (source === undefined) throw new Error(`${name}: no source file for the export "${key}"`)
    return [{ specifier: name + key.slice(1), source }]
  })
}
