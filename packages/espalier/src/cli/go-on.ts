/** The command that goes on from what an interrupted run saved. */
import { access } from 'node:fs/promises'
import { PeftModel } from '../model/peft-model.js'
import { shellWord } from '../run-folder/shell-word.js'
import type { Values } from './values.js'

/** The words of this run with its result as the start and another folder for the next one: the last of two equal options counts. */
export async function commandToGoOn(values: Values, outputDir: string, model: object): Promise<string> {
  const from = model instanceof PeftModel ? '--adapter' : '--model'
  const words = ['espalier', 'train', ...values.words, from, outputDir, '--output-dir', await unusedName(outputDir)]
  return words.map(shellWord).join(' ')
}

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
