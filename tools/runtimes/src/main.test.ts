import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { expect, it } from 'vitest'

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))
const LOADER = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href

it('prints its usage for --help, and makes nothing', () => {
  const folder = mkdtempSync(join(tmpdir(), 'espalier-runtimes-'))
  try {
    const printed = execFileSync(process.execPath, ['--import', LOADER, MAIN, '--help'], { cwd: folder })
    expect(printed.toString()).toMatch(/^usage: npm run runtimes -- FOLDER/)
    expect(readdirSync(folder)).toEqual([])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
