/** Names of tensors in adapter files. In memory PEFT has the adapter's name inside a key; files have neither it nor, sometimes, the prefix. */
import { EspalierError } from '@espalier/core'

/** What every key of a layer tuner's file begins with. */
export const KEY_PREFIX = 'base_model.model.'

// Wrappers that torch.compile and data parallelism leave in keys.
const WRAPPERS = /(^|\.)(?:_orig_mod|module)\.(?=base_model\.)|(^|\.)_orig_mod\./g

/** A file's key as the path in the base model and the tensor's name: without prefix and without wrappers. */
export function fromFileKey(key: string): string {
  const plain = key.replace(WRAPPERS, '$1$2')
  return plain.startsWith(KEY_PREFIX) ? plain.slice(KEY_PREFIX.length) : plain
}

/** Whether a file's key holds a wrapper, which PEFT does not read. */
export function hasWrapper(key: string): boolean {
  return key.replace(WRAPPERS, '$1$2') !== key
}

/** The key in a file of a path in the base model and a tensor's name. */
export function toFileKey(key: string): string {
  return key.startsWith('base_model.') ? key : KEY_PREFIX + key
}

/** PEFT's rule: the adapter's name is dropped at the end of a key, else as the last but one part, else nowhere. */
export function removeAdapterName(key: string, adapter: string): string {
  const parts = key.split('.')
  const last = parts.length - 1
  if (last > 0 && parts[last] === adapter) return parts.slice(0, last).join('.')
  if (last > 1 && parts[last - 1] === adapter) return [...parts.slice(0, last - 1), parts[last]].join('.')
  return key
}

/**
 * Tensors by key, without the name of the adapter that they are loaded as: a state saved as it is in memory has it. isBase: whether a key is
 * the base model's own. Throws adapter.key where a tensor is there with the name and without it.
 */
export function withoutAdapterName<T>(
  tensors: ReadonlyMap<string, T>,
  adapter: string,
  isBase: (key: string) => boolean,
): ReadonlyMap<string, T> {
  const named = new Map<string, T>()
  for (const [key, tensor] of tensors) {
    const plain = isBase(key) ? key : removeAdapterName(key, adapter)
    if (named.has(plain)) throw twice([plain, key])
    named.set(plain, tensor)
  }
  return named
}

/** The error for a tensor under two names: adapter.key. */
export function twice(names: readonly string[], folder?: string): EspalierError {
  return new EspalierError('adapter.key', {
    what: 'an adapter has one tensor under two names',
    got: { ...(folder === undefined ? {} : { folder }), names },
    fix: 'Save it again with PEFT.',
  })
}
