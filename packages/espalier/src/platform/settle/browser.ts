/** A browser has no folders by path; what it opens was perhaps written by a run. */
import { openSource, type Source } from '@espalier/serialization'
import { requireSettled } from '../../run-folder/unsettled.js'
import type { PlaceToSettle } from './place-to-settle.js'

/** Throws run.unsettled for files of two results, source.unknown. */
export async function settle(source: Source, _: PlaceToSettle = {}): Promise<void> {
  if (typeof source === 'string' || source instanceof URL) return
  await requireSettled(await openSource(source))
}
