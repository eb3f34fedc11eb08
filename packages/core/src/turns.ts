/** Long work that lets others in: while one thread computes, no timer runs and no signal is answered. */

const WORK_MS = 50

/** A function to call between two pieces of work: after 50 ms of work it waits until timers, messages and signals had their turn. onRest: called before it waits. */
export function turns(onRest?: () => void): () => Promise<void> {
  let rested = performance.now()
  return async () => {
    if (performance.now() - rested <= WORK_MS) return
    onRest?.()
    await new Promise((resolve) => setTimeout(resolve))
    rested = performance.now()
  }
}
