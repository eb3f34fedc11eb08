/** Every named call is public: backends know calls by definition, and the suite of backends has a case for each that is exported. */
import { readdir } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import * as core from '../index.js'

describe('named calls', () => {
  it('are exported, each under its own name', async () => {
    const folder = new URL('.', import.meta.url)
    const files = (await readdir(folder)).filter((file) => /^[a-z-]+\.ts$/.test(file))
    const modules = await Promise.all(files.map((file) => import(new URL(file, folder).pathname)))
    const definitions = modules.flatMap((module: object) =>
      Object.entries(module).filter(([, value]) => typeof value === 'object' && 'body' in value),
    )
    expect(definitions.length).toBeGreaterThan(10)
    const exported: Readonly<Record<string, unknown>> = core
    for (const [key, definition] of definitions) expect(exported[key], key).toBe(definition)
    const names = definitions.map(([, definition]) => (definition as core.CallDefinition).name)
    expect(new Set(names).size).toBe(names.length)
  })
})
