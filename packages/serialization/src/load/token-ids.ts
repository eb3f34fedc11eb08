/** Token ids of config.json and generation_config.json: what is no id is refused, and what the model has no token for is told. */
import { EspalierError } from '@espalier/core'

const KEY = /_token_ids?$/

/**
 * A sentence for each id beyond the model's vocabulary. transformers takes them: a beginning that is not there fails when it is
 * looked up, an end never comes. Throws model.config for what is no whole number, and no list of them.
 */
export function tokenIdWarnings(
  file: string,
  values: Readonly<Record<string, unknown>>,
  vocabularySize: number,
): string[] {
  return Object.entries(values)
    .filter(([key, value]) => KEY.test(key) && value != null)
    .flatMap(([key, value]) => {
      const ids: readonly unknown[] = Array.isArray(value) ? value : [value]
      if (!ids.every((id) => Number.isSafeInteger(id)))
        throw new EspalierError('model.config', {
          what: 'a token id is a whole number, or a list of them',
          got: { file, key, value },
          fix: 'Correct the file, or download it again.',
        })
      const beyond = ids.filter((id) => (id as number) < 0 || (id as number) >= vocabularySize)
      return beyond.length === 0
        ? []
        : [`${key} of ${file} is ${beyond.join(', ')}: the model has the ids 0 to ${vocabularySize - 1}`]
    })
}
