/** Counted use of things that several models share: backends and open files. The last one that lets go closes them. */

/** Something to close. */
export interface Closable {
  close(): Promise<void>
}

const holders = new WeakMap<Closable, number>()

/** Notes one more user. */
export function hold<T extends Closable>(resource: T): T {
  holders.set(resource, (holders.get(resource) ?? 0) + 1)
  return resource
}

/** Notes one user less; the last one closes the resource. */
export async function letGo(resource: Closable): Promise<void> {
  const left = (holders.get(resource) ?? 1) - 1
  holders.set(resource, left)
  if (left === 0) await resource.close()
}
