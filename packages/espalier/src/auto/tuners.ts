/**
 * The tuners that the umbrella package knows, in one table: adapters are loaded by it, and the command line offers and makes what stands
 * in it. Each is imported when it is asked for.
 */
import type { Tuner } from '@espalier/core'

/** Known tuners by kind: their `peft_type` in lower case, and their name for `--peft-type`. */
export const tunersByKind = {
  lora: async () => (await import('@espalier/lora')).lora,
} satisfies Readonly<Record<string, () => Promise<Tuner>>>

/** The kind of a new adapter when none is named. */
export const DEFAULT_KIND: keyof typeof tunersByKind = 'lora'

/** All known tuners. */
export async function knownTuners(): Promise<readonly Tuner[]> {
  return Promise.all(Object.values(tunersByKind).map((load) => load()))
}
