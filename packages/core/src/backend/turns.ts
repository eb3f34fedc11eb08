/** Work of a backend that must not overlap, one after the other: programs share memory, and a run gives up what another could be reading. */

/** A queue of work. */
export class Turns {
  private last: Promise<unknown> = Promise.resolve()
  private waiting = 0

  /** Runs the work after all that was asked for before. */
  take<T>(work: () => Promise<T>): Promise<T> {
    this.waiting++
    const result = this.last.then(work).finally(() => {
      this.waiting--
    })
    this.last = result.catch(() => {}) // whoever asked for it sees the error
    return result
  }

  /** Runs the work when nothing else is under way: at once where possible. */
  whenFree(work: () => void): void {
    if (this.waiting === 0) work()
    else void this.take(async () => work())
  }
}
