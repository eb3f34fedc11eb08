/** Whoever reads a folder where a result was interrupted while it took its place puts it there first: nobody reads files of two results. */
import { setTimeout as sleep } from 'node:timers/promises'
import { EspalierError } from '@espalier/core'
import { isUnsettled } from './publication.js'
import { commandToTakeOver, lockFolder } from './run-lock.js'
import { unsettled } from './unsettled.js'

/** How a folder is settled. */
export interface SettleFolderOptions {
  readonly signal?: AbortSignal | undefined
  /** How long to wait for a run that puts its result in place now. Default: 10 s, of which renaming takes far less. */
  readonly patienceMs?: number
}

const PATIENCE_MS = 10_000
const PAUSE_MS = 50 // between two looks

/** Finishes an interrupted publication as the folder's holder, or waits for the one that holds it. Throws run.unsettled when neither comes to an end, or the signal's reason. */
export async function settleFolder(folder: string, options: SettleFolderOptions = {}): Promise<void> {
  const { signal, patienceMs = PATIENCE_MS } = options
  const giveUp = performance.now() + patienceMs
  while (await isUnsettled(folder)) {
    signal?.throwIfAborted()
    const failure = await failureToFinish(folder)
    if (failure === undefined) return
    const isHeld = EspalierError.isInstance(failure) && failure.code === 'run.locked'
    if (!isHeld) throw unsettled(folder, 'Have a user who may write there run espalier inspect on it', failure)
    if (performance.now() >= giveUp) {
      const { pid, host } = failure.details
      const fix = `Wait for process ${pid} of ${host}; if it is gone, take the folder over: ${commandToTakeOver(folder)}`
      throw unsettled(folder, fix, failure)
    }
    await sleep(PAUSE_MS)
  }
}

async function failureToFinish(folder: string): Promise<unknown> {
  try {
    const lock = await lockFolder(folder)
    await lock.release()
    return undefined
  } catch (error) {
    return error
  }
}
