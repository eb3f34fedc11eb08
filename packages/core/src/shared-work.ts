/**
 * What several callers want is made once and counted: weights on a backend, an adapter's state, a compiled program, prepared data. It
 * is made on a signal of its own, so no caller's abort reaches another; and it is given back when its last user leaves.
 */

/** How a shared value comes and goes. */
export interface SharedParts<T> {
  /** Makes it, once. The signal is aborted when nobody waits any more. */
  make(signal: AbortSignal): Promise<T>
  /** Gives the value back: called once, when the last user has left. */
  release?(value: T): void
  /** Called when it cannot be held any more, at once: it failed, everybody left before it was made, or it was given back. */
  forget?(): void
  /** Keeps the value while nobody uses it, until `drop`. Default false: it goes with its last user. */
  readonly keep?: boolean
}

/** One user's claim. */
export interface Hold<T> {
  /** Rejects when making fails or this user's own signal is aborted; then nothing is held. */
  readonly value: Promise<T>
  /** Leaves; a second call does nothing. */
  release(): void
}

/** Something made once for all who hold it. */
export class Shared<T> {
  private readonly abort = new AbortController()
  private readonly work: Promise<T>
  private readonly forget: () => void
  private users = 0
  private kept: boolean
  private gone = false
  private made: { readonly value: T } | undefined

  constructor(private readonly parts: SharedParts<T>) {
    this.kept = parts.keep === true
    this.forget = () => {
      if (!this.gone) parts.forget?.()
      this.gone = true
    }
    this.work = parts.make(this.abort.signal).then((value) => {
      this.made = { value }
      if (this.gone) parts.release?.(value) // everybody left, and it was made all the same
      return value
    })
    this.work.catch(() => this.forget()) // whoever holds it is told
  }

  /** One more user, from now on; `signal` ends this user's waiting alone. */
  hold(signal?: AbortSignal): Hold<T> {
    this.users++
    let held = true
    const release = () => {
      if (!held) return
      held = false
      this.users--
      this.settle()
    }
    const value = signal === undefined ? this.work : orAborted(this.work, signal)
    value.catch(release)
    return { value, release }
  }

  /** The value, held only until it is there: for what is kept. */
  async wait(signal?: AbortSignal): Promise<T> {
    const { value, release } = this.hold(signal)
    try {
      return await value
    } finally {
      release()
    }
  }

  /** Ends keeping: the value goes when its last user leaves, at once when there is none. */
  drop(): void {
    this.kept = false
    this.settle()
  }

  /** Ends it for everybody who holds it: it is given back now, or as soon as it is made. */
  end(): void {
    if (this.gone) return
    this.forget()
    if (this.made === undefined) this.abort.abort()
    else this.parts.release?.(this.made.value)
  }

  /** Whether it cannot be held any more. */
  get hasEnded(): boolean {
    return this.gone
  }

  private settle(): void {
    if (this.users === 0 && !(this.kept && this.made !== undefined)) this.end()
  }
}

/** Where shared values are found again: a Map, or what is used like one. */
export interface SharedValues<K, T> {
  get(key: K): Shared<T> | undefined
  set(key: K, value: Shared<T>): unknown
  delete(key: K): unknown
}

/** The entry of a map, made when there is none. It leaves the map when it cannot be held any more. */
export function sharedIn<K, T>(
  map: SharedValues<K, T>,
  key: K,
  parts: () => Omit<SharedParts<T>, 'forget'>,
): Shared<T> {
  const known = map.get(key)
  if (known !== undefined) return known
  const made: Shared<T> = new Shared<T>({
    ...parts(),
    forget: () => {
      if (map.get(key) === made) map.delete(key)
    },
  })
  map.set(key, made)
  return made
}

function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const stop = () => reject(signal.reason)
    if (signal.aborted) return stop()
    signal.addEventListener('abort', stop, { once: true })
    const done = () => signal.removeEventListener('abort', stop)
    work.then(resolve, reject).finally(done)
  })
}
