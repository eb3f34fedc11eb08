/** Writes packages/data/src/engine/unicode-tables.ts: node --experimental-strip-types unicode-tables.ts, with ESPALIER_PYTHON set. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

type Ranges = [number, number][]
const side = fileURLToPath(new URL('./unicode_side.py', import.meta.url))
const target = fileURLToPath(new URL('../../../../packages/data/src/engine/unicode-tables.ts', import.meta.url))
const python = process.env.ESPALIER_PYTHON ?? 'python'
const known = JSON.parse(execFileSync(python, [side], { maxBuffer: 2 ** 30 }).toString()) as Record<string, unknown>

const characters: string[] = []
for (let code = 0; code < 0x110000; code++)
  if (code < 0xd800 || code > 0xdfff) characters.push(String.fromCodePoint(code))

const isUnassignedHere = /^\p{Cn}$/u
const newer = toRanges(
  expand(known.unassigned as Ranges).filter((code) => !isUnassignedHere.test(String.fromCodePoint(code))),
)

// Characters that normalize otherwise here, the parts of what only we compose, and marks that only we reorder.
const apart = new Set<number>()
characters.forEach((character, index) => {
  const differs = (form: string, theirs: string) => character.normalize(form) !== (known[theirs] as string[])[index]
  const composes = differs('NFD', 'decomposed')
  if (composes || differs('NFKD', 'compatible')) apart.add(character.codePointAt(0) as number)
  if (composes) apart.add(character.normalize('NFD').codePointAt(0) as number)
  const ordered = `a\u0301${character}\u0316`.normalize('NFD')
  if (!composes && ordered !== (known.ordered as string[])[index]) apart.add(character.codePointAt(0) as number)
})

const tables: readonly (readonly [string, string, Ranges])[] = [
  ['PUNCTUATION', 'Punctuation to the pre-tokenizers.', known.punctuation as Ranges],
  ['CLEANED', "What BERT's clean_text removes.", known.cleaned as Ranges],
  ['BERT_MARKS', "Marks that BERT's strip_accents removes.", known.bertMarks as Ranges],
  ['MARKS', 'Marks that StripAccents removes.', known.marks as Ranges],
  ['NEWER', 'Characters of newer Unicode, which its regular expressions do not know yet.', newer],
  [
    'APART',
    'Characters that it normalizes to themselves, and that neither compose nor change places.',
    toRanges([...apart]),
  ],
]
const lines = tables.map(([name, comment, ranges]) => `/** ${comment} */\nexport const ${name} = '${encode(ranges)}'\n`)
writeFileSync(
  target,
  `/**
 * What the Rust library (tokenizers 0.23) knows of characters, where that is another Unicode version than JavaScript's. Each table is a
 * list of ranges in base 36: distance from the range before, then length - 1. Written by tools/interop/src/tokens/unicode-tables.ts.
 */

${lines.join('\n')}`,
)

function expand(ranges: Ranges): number[] {
  return ranges.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, index) => first + index))
}

function toRanges(codes: readonly number[]): Ranges {
  const found: Ranges = []
  for (const code of [...codes].sort((a, b) => a - b)) {
    const last = found.at(-1)
    if (last !== undefined && last[1] === code - 1) last[1] = code
    else found.push([code, code])
  }
  return found
}

function encode(ranges: Ranges): string {
  let end = 0
  return ranges
    .map(([first, last]) => {
      const distance = first - end
      end = last
      return last === first ? distance.toString(36) : `${distance.toString(36)}-${(last - first).toString(36)}`
    })
    .join(' ')
}
