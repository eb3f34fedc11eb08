/** The tuners that the umbrella package knows by `peft_type`. */
import type { Tuner } from '@espalier/core'

/** All known tuners. */
export async function knownTuners(): Promise<readonly Tuner[]> {
  const { lora } = await import('@espalier/lora')
  return [lora]
}
