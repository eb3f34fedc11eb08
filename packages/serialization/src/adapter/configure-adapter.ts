/** From an adapter_config.json to a configured tuner. A fault in it is the file's, and is told with the file and its own keys. */
import { type ConfiguredTuner, configureFromFile, EspalierError, snakeCase, type Tuner } from '@espalier/core'

/**
 * Configures a tuner as a file says. values: of the file, every key as it has it. where: the file, for messages. Throws adapter.config for
 * a value that the tuner refuses, and the tuner's other errors, both with the names of the file.
 */
export function configureAdapter(
  tuner: Tuner,
  values: Readonly<Record<string, unknown>>,
  where: Readonly<Record<string, string>>,
): ConfiguredTuner {
  try {
    return configureFromFile(tuner, values)
  } catch (error) {
    if (!EspalierError.isInstance(error)) throw error
    const { configKeys = {} } = tuner
    const keyOf = (name: string) => {
      const key = configKeys[name] ?? snakeCase(name)
      return Object.hasOwn(values, key) ? key : name
    }
    const inFile = (text: string) => text.replace(/\b[a-z]+(?:[A-Z][a-z0-9]*)+\b/g, keyOf)
    throw new EspalierError(error.code === 'config.value' ? 'adapter.config' : error.code, {
      what: inFile(error.what),
      got: {
        ...where,
        ...Object.fromEntries(Object.entries(error.details).map(([name, value]) => [keyOf(name), value])),
      },
      fix: error.fix === undefined ? 'Correct the file, or save the adapter again with PEFT' : inFile(error.fix),
      cause: error,
    })
  }
}
