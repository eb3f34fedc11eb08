/** Names of tensors in adapter files. In memory PEFT has the adapter's name inside a key; files have neither it nor, sometimes, the prefix. */

/** What every key of a layer tuner's file begins with. */
export const KEY_PREFIX = 'base_model.model.'

// Wrappers that torch.compile and data parallelism leave in keys.
const WRAPPERS = /(^|\.)(?:_orig_mod|module)\.(?=base_model\.)|(^|\.)_orig_mod\./g

/** A file's key as the path in the base model and the tensor's name: without prefix and without wrappers. */
export function fromFileKey(key: string): string {
  const plain = key.replace(WRAPPERS, '$1$2')
  return plain.startsWith(KEY_PREFIX) ? plain.slice(KEY_PREFIX.length) : plain
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
