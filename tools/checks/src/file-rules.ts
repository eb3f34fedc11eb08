/** Rules for single files: their length, their name, and nothing in them that holds on one machine only. */

const LONGEST_FILE = 400 // lines

const VAGUE_NAMES = /^(utils?|helpers?|commons?|misc|shared)\.[a-z]+$/

/** Absolute paths of one machine, and addresses of package registries, which a lockfile or script must not carry. */
const MACHINE = [
  /(?<![\w.~)}-])\/(work|root|home|Users|farm|mnt|tmp)\/[\w.-]/,
  /https?:\/\/(registry|files|deb|pypi|mirror)\./,
  /(?<![\w-])\.\.\/shared\//,
]

/** The one file that may look beside the repository. */
const CI_ENTRY = '.ci/run'

/** Everything wrong with one file, each finding as `path:line: sentence`. */
export function checkFile(path: string, text: string): string[] {
  const problems: string[] = []
  const name = path.split('/').at(-1) ?? path
  const lines = text.split('\n')
  const length = text.endsWith('\n') ? lines.length - 1 : lines.length
  if (/\.(ts|mts|tsx|mjs)$/.test(path)) {
    if (length > LONGEST_FILE)
      problems.push(`${path}: ${length} lines; split it by concept, ${LONGEST_FILE} is the limit`)
    if (VAGUE_NAMES.test(name)) problems.push(`${path}: name the file after the one thing it exports`)
    if (!/^[a-z0-9]+([.-][a-z0-9]+)*$/.test(name)) problems.push(`${path}: file names are kebab-case`)
  }
  if (/^(packages|plugins)\/[^/]+\/README\.md$/.test(path))
    for (const [, target] of text.matchAll(/\]\((\.\.?\/[^)]*)\)/g))
      problems.push(`${path}: the published package does not hold ${target}; link to a page that is published`)
  if (path === CI_ENTRY) return problems
  for (const [index, line] of lines.entries()) {
    const found = MACHINE.map((pattern) => pattern.exec(line)?.[0]).find((match) => match !== undefined)
    if (found !== undefined)
      problems.push(`${path}:${index + 1}: "${found.trim()}" belongs to one machine; use an environment variable`)
  }
  return problems
}
