/** `npm run check:docs`: public exports have doc comments, the types they use are exported, and docs/errors.md, docs/cli.md and SUPPORT.md are the pages that their tables give, and docs/architectures.md lists all architectures. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorCodes } from '@espalier/core'
import { architectures } from '@espalier/models'
import { currentFacts, SUPPORT_PAGE, supportPage } from '@espalier-tools/fixtures'
import ts from 'typescript'
import { listedArchitectures } from './architecture-page.js'
import { cliPage } from './cli-page.js'
import { errorPage } from './error-page.js'
import { type Entry, programOf, undocumentedExports } from './export-docs.js'
import { unnamedTypes } from './named-types.js'
import { publicWorkspaces, report, root, type Workspace } from './workspaces.js'

const configFile = join(root, 'tsconfig.json')
const { options } = ts.parseJsonConfigFileContent(ts.readConfigFile(configFile, ts.sys.readFile).config, ts.sys, root)
const entries = publicWorkspaces().flatMap(entriesOf)
const program = programOf(entries, options)
const { problems, count } = undocumentedExports(program, entries)

// A user of a package names its own types through it; of the umbrella package all types, since nothing else need be installed by name.
const namedBy = (file: string, { specifier, source }: Entry) =>
  /^espalier\b/.test(specifier)
    ? isOurs(file)
    : file.startsWith(source.slice(0, source.indexOf('/src/') + '/src/'.length))
problems.push(...unnamedTypes(program, entries, namedBy))

const page = join(root, 'docs/errors.md')
if (!existsSync(page) || readFileSync(page, 'utf8') !== errorPage(errorCodes))
  problems.push('docs/errors.md is not what the catalogue of error codes gives; run npm run docs:errors')

const commands = join(root, 'docs/cli.md')
if (!existsSync(commands) || readFileSync(commands, 'utf8') !== cliPage())
  problems.push('docs/cli.md is not what the table of options gives; run npm run docs:cli')

if (!existsSync(SUPPORT_PAGE) || readFileSync(SUPPORT_PAGE, 'utf8') !== supportPage(currentFacts()))
  problems.push('SUPPORT.md is not what the families and the recorded runs give; run npm run docs:support')

// Its numbers are of the day it was made: they change with every line.
const costs = join(root, 'docs/architectures.md')
const listed = existsSync(costs) ? listedArchitectures(readFileSync(costs, 'utf8')) : []
const known = new Set(architectures.map(({ modelType }) => modelType))
if (listed.length !== known.size || !listed.every((name) => known.has(name)))
  problems.push('docs/architectures.md does not list all architectures; run npm run docs:architectures')

report('documentation', problems, `${count} exports, ${Object.keys(errorCodes).length} error codes`)

function isOurs(file: string): boolean {
  return file.startsWith(join(root, 'packages/')) || file.startsWith(join(root, 'plugins/'))
}

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
