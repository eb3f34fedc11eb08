/** From the words of the command line to an exit code. Heavy modules load only when a command needs them. */
import { didYouMean } from '@espalier/core'
import { describeFailure, exitCodes, UsageError } from './failure.js'
import { commandHelp, generalHelp, helpFor } from './help.js'
import { problems, result } from './terminal.js'
import { Values } from './values.js'
import { packageVersion } from './version.js'

type Command = (values: Values) => Promise<number>

const commands: Readonly<Record<string, () => Promise<Command>>> = {
  train: async () => (await import('./train.js')).train,
  generate: async () => (await import('./generate.js')).generate,
  chat: async () => (await import('./chat.js')).chat,
  push: async () => (await import('./push.js')).push,
  predict: async () => (await import('./predict.js')).predict,
  eval: async () => (await import('./evaluate.js')).evaluate,
  merge: async () => (await import('./merge.js')).merge,
  inspect: async () => (await import('./inspect.js')).inspect,
  doctor: async () => (await import('./doctor.js')).doctor,
  quickstart: async () => (await import('./quickstart-command.js')).quickstart,
}

/** Words that a command takes without an option. */
const positionals: Readonly<Record<string, number>> = { inspect: 1, push: 2 }

/** Runs the command line; its exit code. Failures are printed, never thrown. */
export async function main(words: readonly string[]): Promise<number> {
  try {
    return await dispatch(words)
  } catch (error) {
    const { lines, code } = describeFailure(error)
    problems(lines)
    return code
  }
}

async function dispatch([command, ...words]: readonly string[]): Promise<number> {
  if (command === undefined || command === '--help' || command === '-h' || command === 'help') {
    const topic = command === 'help' ? words[0] : undefined
    result(topic !== undefined && commandHelp[topic] !== undefined ? helpFor(topic) : generalHelp())
    return command === undefined ? exitCodes.usage : exitCodes.done
  }
  if (command === '--version' || command === '-V') {
    result(packageVersion())
    if (words.includes('--verbose')) await versionsBelow()
    return exitCodes.done
  }
  const load = Object.hasOwn(commands, command) ? commands[command] : undefined
  if (load === undefined)
    throw new UsageError(
      `no command is called ${command}`,
      didYouMean(command, Object.keys(commands), 'espalier --help lists them'),
    )
  if (words.includes('--help') || words.includes('-h')) {
    result(helpFor(command))
    return exitCodes.done
  }
  const values = await Values.read(command, words, positionals[command])
  return (await load())(values)
}

async function versionsBelow(): Promise<void> {
  const { dependencyVersions } = await import('../run-folder/dependency-versions.js')
  const versions = { node: process.version, ...(await dependencyVersions()) }
  for (const [name, version] of Object.entries(versions)) result(`${name} ${version}`)
  result('espalier doctor tells which backends work, and what is missing for others')
}
