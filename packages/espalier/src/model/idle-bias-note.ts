/** Where trained biases differ from PEFT: an adapter that does not take part takes its biases along. */
import type { Adapter } from '@espalier/core'

/** What to know of an adapter that is disabled or not active; undefined when it trains no biases. */
export function idleBiasNote({ name, config, biases }: Adapter): string | undefined {
  if (biases.length === 0) return undefined
  const { bias } = config as { readonly bias?: string }
  return `without adapter "${name}" the model has its own biases again; in PEFT those that bias "${bias}" trained stay`
}
