/** `--config`: a YAML or JSON file, or a TS or JS file loaded by name. A TRL SFT YAML runs unchanged. */
import { readFile } from 'node:fs/promises'
import { extname, resolve } from 'node:path'
import type { ScalarTag } from 'yaml'
import { UsageError } from './failure.js'
import { readJsonFile, requireTextFile } from './text-file.js'

/** The record in a config file. Throws UsageError when it cannot be read or is no record. */
export async function readConfigFile(path: string): Promise<Readonly<Record<string, unknown>>> {
  await requireTextFile('config', path)
  const value = await load(path).catch((error: unknown) => {
    if (error instanceof UsageError) throw error
    throw new UsageError(`the config file cannot be read (${path}: ${reasonOf(error)})`)
  })
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new UsageError(`the config file must hold names and values (${path})`)
  return value as Readonly<Record<string, unknown>>
}

async function load(path: string): Promise<unknown> {
  const extension = extname(path).toLowerCase()
  if (
    extension === '.ts' ||
    extension === '.js' ||
    extension === '.mjs' ||
    extension === '.cjs' ||
    extension === '.mts'
  ) {
    const { createJiti } = await import('jiti')
    return createJiti(resolve('.')).import(resolve(path), { default: true })
  }
  if (extension === '.json') return readJsonFile('config', path)
  const { parse } = await import('yaml')
  return parse(await readFile(path, 'utf8'), { customTags: (tags) => [truth, ...tags] }) as unknown
}

/** Words that PyYAML, with which TRL reads its files, takes for true and false; plain y and n it leaves text. */
const truth: ScalarTag = {
  tag: 'tag:yaml.org,2002:bool',
  default: true,
  test: /^(?:yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF)$/,
  resolve: (word) => /^(?:y|on)/i.test(word),
}

function reasonOf(error: unknown): string {
  const [first = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
  return first.replace('Maximum call stack size exceeded', 'nested too deeply')
}
