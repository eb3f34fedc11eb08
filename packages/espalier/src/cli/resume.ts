/** What `train --resume` goes on from, in the command line's words. */
import { join } from 'node:path'
import { EspalierError } from '@espalier/core'
import { type AllowedChange, allowedChanges } from '../checkpoint/run-changes.js'
import { settle } from '../platform/settle/node.js'
import { earlierRun, isRun } from '../run-folder/earlier-run.js'
import { shellWord } from '../run-folder/shell-word.js'
import type { TrainOptions } from '../training/call-options.js'
import { allowedNames, nameOfChange } from './allowed-changes.js'
import { optionFor, UsageError } from './failure.js'
import type { Values } from './values.js'

/** What `--resume` and `--allow-changes` ask of a run. In a folder without a run `--resume` starts afresh. Throws config.value for a folder that holds a run when it is not to go on, UsageError for an unknown name. */
export async function resumeOptions(values: Values, outputDir: string): Promise<TrainOptions> {
  const resume = values.textOrTrue('resume') ?? false
  const earlier = await earlierRun(outputDir)
  if (typeof resume === 'string') await settle(resume)
  if (resume !== false && (isRun(earlier) || typeof resume === 'string'))
    return { resumeFromCheckpoint: resume, allowChanges: (values.list('allow-changes') ?? []).map(changeOf) }
  if (!isRun(earlier) || values.flag('overwrite-output-dir') === true) return {}
  const { results, checkpoints } = earlier
  const newest = checkpoints.at(-1)
  throw new EspalierError('config.value', {
    what: 'the output folder holds a run already',
    got: {
      output_dir: outputDir,
      holds: [...results, ...(checkpoints.length === 0 ? [] : [`${checkpoints.length} checkpoints`])],
    },
    fix: `${newest === undefined ? '' : `Give --resume to go on from ${join(outputDir, newest)}. Otherwise: `}Choose another --output-dir, or give --overwrite-output-dir.`,
  })
}

/** A failure to go on, with what to give on the command line; any other as it is. */
export function inOptions(error: unknown): unknown {
  if (!EspalierError.isInstance(error)) return error
  const { code, what, details } = error
  const { checkpoint, mayChange, before } = details as Readonly<Record<string, unknown>>
  const fix = fixOf(code, { checkpoint, mayChange, before })
  if (fix === undefined) return error
  const { mayChange: _, changes, ...others } = details as Readonly<Record<string, unknown>>
  const got = { ...others, ...(Array.isArray(changes) ? { changes: changes.map(inOption) } : {}) }
  return new EspalierError(code, { what, got, fix, cause: error })
}

// "maxSteps: 3 -> 5" begins with an argument; other changes do not.
function inOption(change: string): string {
  return change.replace(/^[a-zA-Z]+(?=:)/, (argument) => optionFor(argument) ?? argument)
}

function fixOf(code: string, { checkpoint, mayChange, before }: Readonly<Record<string, unknown>>): string | undefined {
  const fromItsValues = `--adapter ${shellWord(String(checkpoint))} with another --output-dir starts a new run from its values`
  if (code === 'run.changed' && Array.isArray(mayChange))
    return `Give what it began with, or go on with what has changed on purpose: --allow-changes ${mayChange.map((name) => nameOfChange(name as AllowedChange)).join(' ')}`
  if (code === 'run.changed') return `Give what it began with; ${fromItsValues}`
  if (code === 'checkpoint.torn' && typeof before === 'string')
    return `--resume ${shellWord(before)} goes on from the one before it`
  return code === 'checkpoint.torn' || code === 'checkpoint.unfit' ? fromItsValues : undefined
}

function changeOf(name: string): AllowedChange {
  const found = allowedChanges.find((change) => nameOfChange(change) === name.replaceAll('_', '-'))
  if (found !== undefined) return found
  throw new UsageError(
    `--allow-changes: nothing of the name ${name} may change`,
    `Use names of ${allowedNames.join(', ')}`,
  )
}
