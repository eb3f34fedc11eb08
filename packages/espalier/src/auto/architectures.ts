/** The architectures that the umbrella package knows, imported when a model asks for them. */
import type { Architecture } from '@espalier/core'

/** All known architectures. */
export async function knownArchitectures(): Promise<readonly Architecture[]> {
  const { architectures } = await import('@espalier/models')
  return architectures
}
