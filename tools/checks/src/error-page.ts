/** docs/errors.md, made from the catalogue of error codes in core. */
import type { ErrorEntry } from '@espalier/core'

/** The page as Markdown: a section per area, an entry per code in the catalogue's order. */
export function errorPage(codes: Readonly<Record<string, ErrorEntry>>): string {
  const areas = new Map<string, string[]>()
  for (const [code, { when, example, remedy }] of Object.entries(codes)) {
    const area = code.split('.')[0] ?? code
    const entry = `### \`${code}\`\n\nThrown when ${when}.\n\n> ${example}\n\n${remedy}\n`
    areas.set(area, [...(areas.get(area) ?? []), entry])
  }
  const sections = [...areas].map(([area, entries]) => `## ${area}\n\n${entries.join('\n')}`)
  return `${HEAD}\n${sections.join('\n')}`
}

const HEAD = `# Errors

Every error of Espalier is an \`EspalierError\`. Recognise it with \`EspalierError.isInstance(error)\`, decide by \`error.code\`, which never
changes its meaning, and read the values in \`error.details\`. The command line prints the code in its last line.

Made by \`npm run docs:errors\` from packages/core/src/error-codes.ts; edit that file, not this page.
`
