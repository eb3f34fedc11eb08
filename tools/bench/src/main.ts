/**
 * `npm run bench [-- NAME...] [--rounds N] [--against FOLDER]`: runs benchmarks and prints a table; exits 1 when a target is missed. With another
 * checkout, built, they run against that instead of PyTorch.
 */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { benchesAgainst } from './against.js'
import { benches as allBenches } from './benches.js'
import type { Finding } from './finding.js'
import { machine, readSetup } from './setup.js'

const { values, positionals: names } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '5' }, against: { type: 'string' } },
})
const rounds = Number(values.rounds)
const benches = values.against === undefined ? allBenches : benchesAgainst(resolve(values.against))

const unknown = names.filter((name) => benches[name] === undefined)
if (unknown.length > 0) {
  process.stderr.write(`no benchmark is called ${unknown.join(', ')}; there are ${Object.keys(benches).join(', ')}\n`)
  process.exit(2)
}
const setup = readSetup(rounds)
process.stdout.write(`${machine()}; medians of ${rounds} rounds taken in turn\n`)
let missed = 0
for (const name of names.length > 0 ? names : Object.keys(benches)) {
  process.stdout.write(`\n${name}\n`)
  for (const finding of await (benches[name] as NonNullable<(typeof benches)[string]>)(setup)) {
    const verdict = judge(finding)
    if (verdict === 'missed') missed++
    process.stdout.write(
      `  ${finding.name.padEnd(46)} ${finding.value.toFixed(finding.value < 10 ? 2 : 1).padStart(9)} ${finding.unit.padEnd(9)} ${verdict}\n`,
    )
  }
}
process.exitCode = missed > 0 ? 1 : 0

function judge({ value, target }: Finding): string {
  if (target === undefined) return ''
  const { atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY } = target
  return value >= atLeast && value <= atMost ? `ok (${wanted(target)})` : `missed`
}

function wanted({ atLeast, atMost }: NonNullable<Finding['target']>): string {
  if (atLeast === atMost) return `exactly ${atMost}`
  if (atLeast !== undefined && atMost !== undefined) return `from ${atLeast} to ${atMost}`
  return atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`
}
