/** docs/architectures.md: lines and files of each architecture, what is shared, and what one more costs. */
import type { ArchitectureCosts, Size } from './architecture-costs.js'

const COMPARED = 7 // the architecture whose cost is held against the first's

/** The page as Markdown, in the order of the costs. */
export function architecturePage(costs: ArchitectureCosts): string {
  const rows = costs.each.map(({ modelType, own, reached, shared, added }, i) => {
    const cells = [
      i + 1,
      `\`${modelType}\``,
      own.lines,
      reached.files,
      reached.lines,
      percent(shared, reached),
      `${added.lines} in ${added.files}`,
    ]
    return `| ${cells.join(' | ')} |`
  })
  return `${HEAD}\n${summaryOf(costs)}\n\n${HEADING}\n${rows.join('\n')}\n`
}

/** The architectures that a page lists, in its order. */
export function listedArchitectures(page: string): string[] {
  return [...page.matchAll(/^\| \d+ \| `([^`]+)` \|/gm)].map(([, modelType]) => modelType as string)
}

function summaryOf({ each, all, shared }: ArchitectureCosts): string {
  const total = `${each.length} architectures are ${inWords(all)}; ${shared.lines} of them (${percent(shared, all)}), in ${shared.files} files, are of more than one architecture.`
  const [first, later] = [each[0]?.added, each[COMPARED - 1]?.added]
  if (first === undefined || later === undefined) return total
  const compared = `The first brought ${inWords(first)}, the seventh ${later.lines} in ${later.files}: ${percent(later, first)}.`
  const lines = each.slice(1).map(({ added }) => added.lines)
  return `${total}\n${compared} The median of all after the first is ${lines.sort((a, b) => a - b)[lines.length >> 1]} lines.`
}

function inWords({ lines, files }: Size): string {
  return `${lines} lines in ${files} files`
}

function percent(part: Size, whole: Size): string {
  return `${Math.round((100 * part.lines) / whole.lines)} %`
}

const titles = ['', 'model', 'own file', 'files', 'lines', 'shared', 'new lines when it came']
const HEADING = `| ${titles.join(' | ')} |\n|${titles.map(() => '---').join('|')}|`

const HEAD = `# What an architecture costs

Made by \`npm run docs:architectures\`, which counts the tree as it is; edit nothing here. Lines are whole files of \`packages/models/src\`, comments and
imports included, tests not. An architecture is its own file and all files that it imports, directly or not, heads included; core, which knows no
architecture, and generation, which no architecture imports, are not counted.

- **own file**: lines of the file that is named as its \`model_type\`.
- **files, lines**: all that it is made of.
- **shared**: the share of those lines that another architecture is made of too.
- **new lines when it came**: lines and files of today's tree that none before it is made of, in the order in which the files came. What a family of two
  architectures shares counts for the first of them.
`
