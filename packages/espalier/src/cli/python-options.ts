/**
 * Keys of transformers, TRL and PEFT that this program has no option for: those that mean nothing here are said once and left, those that
 * would change the result are refused unless they are off, so that a TRL file runs unchanged or says why not.
 */
import { meaningless, missing } from '../training/python-arguments.js'
import type { Option } from './option.js'

const NOT_YET = 'this does not exist yet'

/** What is recognised of Python's and has no option of its own. */
export const pythonOptions: readonly Option[] = [
  ...Object.entries(meaningless).map(([name, noEffect]) => ({ ...base(name), noEffect })),
  ...Object.entries(missing).map(([name, neutral]) => ({ ...base(name), planned: NOT_YET, neutral })),
]

function base(name: string): Pick<Option, 'name' | 'type' | 'help' | 'commands'> {
  return { name: name.replaceAll('_', '-'), type: 'record', help: '', commands: ['train'] }
}
