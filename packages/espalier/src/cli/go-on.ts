/** The command that goes on from what an interrupted run saved. */
import { access } from 'node:fs/promises'
import { PeftModel } from '../model/peft-model.js'
import { earlierRun } from '../run-folder/earlier-run.js'
import { checkpointName } from '../run-folder/run-names.js'
import { shellWord } from '../run-folder/shell-word.js'
import { withoutOptions } from './parse.js'
import { ADAPTER_OPTIONS } from './train-arguments.js'

/** What was reached, and of what. */
export interface Interrupted {
  readonly outputDir: string
  readonly model: object
  readonly doneSteps: number
  readonly totalSteps: number
}

/** The words of this run with `--resume` where its last step has a checkpoint; otherwise with its result as the start, the steps that are left, and another folder. Undefined where none are left. */
export async function commandToGoOn(words: readonly string[], run: Interrupted): Promise<string | undefined> {
  const { outputDir, model, doneSteps, totalSteps } = run
  if (doneSteps >= totalSteps) return undefined
  const { checkpoints } = await earlierRun(outputDir)
  if (checkpoints.at(-1) === checkpointName(doneSteps))
    return commandOf([...withoutOptions('train', words, OF_START), '--resume'])
  const isAdapter = model instanceof PeftModel
  const replaced = isAdapter ? ['adapter', 'peft-type', 'use-peft', ...ADAPTER_OPTIONS] : ['model', 'model-revision']
  const kept = withoutOptions('train', words, [...replaced, ...ALWAYS_REPLACED])
  const start = [isAdapter ? '--adapter' : '--model', outputDir]
  const left = ['--max-steps', String(totalSteps - doneSteps), '--output-dir', await unusedName(outputDir)]
  return commandOf([...kept, ...start, ...left])
}

const OF_START = ['overwrite-output-dir', 'resume', 'allow-changes']

function commandOf(words: readonly string[]): string {
  return ['espalier', 'train', ...words].map(shellWord).join(' ')
}

const ALWAYS_REPLACED = [...OF_START, 'output-dir', 'max-steps', 'num-train-epochs']

async function unusedName(folder: string): Promise<string> {
  const [, stem = '', number = '1'] = /^(.*?)(?:-(\d{1,6}))?[/\\]*$/.exec(folder) ?? []
  for (let next = Number(number) + 1; ; next++) {
    const name = `${stem}-${next}`
    const isTaken = await access(name).then(
      () => true,
      () => false,
    )
    if (!isTaken) return name
  }
}
