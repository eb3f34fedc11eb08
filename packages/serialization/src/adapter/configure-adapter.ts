/** From an adapter_config.json to a configured tuner. A fault in it is the file's, and is told with the file and its own keys. */
import { type ConfiguredTuner, configureFromFile, EspalierError, snakeCase, type Tuner } from '@espalier/core'

/** A file's values, every key as the file has it, and where it is, for messages. */
export interface ConfigOrigin {
  readonly values: Readonly<Record<string, unknown>>
  readonly where: Readonly<Record<string, string>>
}

/**
 * Configures a tuner as a file says. values: of the file, every key as it has it. where: the file, for messages. Throws adapter.config for
 * a value that the tuner refuses, and the tuner's other errors, both with the names of the file.
 */
export function configureAdapter(
  tuner: Tuner,
  values: Readonly<Record<string, unknown>>,
  where: Readonly<Record<string, string>>,
): ConfiguredTuner {
  return asOfFile(tuner, { values, where }, () => configureFromFile(tuner, values))
}

/** Does what follows a file's configuration. Throws adapter.config for config.value, and other config and target errors, all with the file and its own keys. */
export function asOfFile<T>(tuner: Tuner, { values, where }: ConfigOrigin, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!EspalierError.isInstance(error) || !/^(?:config|target)\./.test(error.code)) throw error
    const { configKeys = {} } = tuner
    const keyOf = (name: string) => {
      const key = configKeys[name] ?? snakeCase(name)
      return Object.hasOwn(values, key) ? key : name
    }
    const inFile = (text: string) => text.replace(/\b[a-z]+(?:[A-Z][a-z0-9]*)+\b/g, keyOf)
    const details = Object.entries(error.details).map(([name, value]) => [
      name === 'pattern' ? keyHolding(values, value) : keyOf(name),
      value,
    ])
    throw new EspalierError(error.code === 'config.value' ? 'adapter.config' : error.code, {
      what: inFile(error.what),
      got: { ...where, ...Object.fromEntries(details) },
      fix: error.fix === undefined ? 'Correct the file, or save the adapter again with PEFT' : inFile(error.fix),
      cause: error,
    })
  }
}

/** The key of a value, or of a mapping that has it as a key: patterns stand in both. */
function keyHolding(values: Readonly<Record<string, unknown>>, pattern: unknown): string {
  const found = Object.entries(values).find(
    ([, value]) =>
      value === pattern || (typeof value === 'object' && value !== null && Object.hasOwn(value, String(pattern))),
  )
  return found?.[0] ?? 'pattern'
}
