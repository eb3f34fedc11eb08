/** Which values share memory: those that are never needed at once. */
import type { Lifetime } from '@espalier/core'

/** A value that needs room while it lives. */
export interface Tenant extends Lifetime {
  readonly bytes: number
}

/** A slot for every tenant, and the bytes of each slot, largest first. */
export interface Slots {
  readonly slotOf: readonly number[]
  readonly bytes: readonly number[]
}

/**
 * The largest first, each into the smallest slot that is free for its whole life. Slots are buffers of their own, so that a kernel may read
 * one value twice, or two of its inputs overlap, without the rules about writing to what is read.
 */
export function assignSlots(tenants: readonly Tenant[]): Slots {
  const slotOf = tenants.map(() => 0)
  const slots: { readonly bytes: number; readonly lives: Lifetime[] }[] = []
  const largestFirst = tenants.map((_, i) => i).sort((a, b) => bytesOf(tenants, b) - bytesOf(tenants, a) || a - b)
  for (const i of largestFirst) {
    const own = tenants[i] as Tenant
    // Slots come in descending size: the last that fits is the smallest.
    let found = slots.length - 1
    while (found >= 0 && slots[found]?.lives.some(({ from, to }) => from <= own.to && own.from <= to)) found--
    if (found >= 0) slots[found]?.lives.push(own)
    else slots.push({ bytes: own.bytes, lives: [own] })
    slotOf[i] = found >= 0 ? found : slots.length - 1
  }
  return { slotOf, bytes: slots.map(({ bytes }) => bytes) }
}

function bytesOf(tenants: readonly Tenant[], i: number): number {
  return (tenants[i] as Tenant).bytes
}
