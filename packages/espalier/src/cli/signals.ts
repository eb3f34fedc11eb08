/** Ctrl-C, SIGTERM and SIGHUP, which a closed terminal sends: the first finishes the step and saves, the second leaves at once. */
import { describeFailure, exitCodes } from './failure.js'
import { problems } from './terminal.js'

/** What the signals asked for so far. */
export interface Interruption {
  /** Exit code that a signal asked for; undefined: none came. */
  readonly code: number | undefined
  /** Stops listening. */
  end(): void
}

/**
 * Calls `stop` at the first signal; the second ends the process with the state on disk as it is. For when there is something to save:
 * until then a signal ends the process by itself, which no busy thread can delay, and so does the second one.
 */
export function onInterrupt(stop: () => void): Interruption {
  const state: { code: number | undefined } = { code: undefined }
  const listen = (signal: NodeJS.Signals, code: number) => () => {
    if (state.code !== undefined) leave(signal)
    state.code = code
    setImmediate(end) // not now: a second signal may have come together with this one
    stop()
  }
  const handlers = [
    ['SIGINT', listen('SIGINT', exitCodes.interrupted)],
    ['SIGTERM', listen('SIGTERM', exitCodes.terminated)],
    ['SIGHUP', listen('SIGHUP', exitCodes.hungUp)],
  ] as const
  for (const [signal, handler] of handlers) process.on(signal, handler)
  return {
    get code() {
      return state.code
    },
    end,
  }

  function end(): void {
    for (const [signal, handler] of handlers) process.off(signal, handler)
  }
}

/**
 * The exit code of a command that threw after a signal. What the interruption itself threw (`reason`, or an error that it caused) says
 * nothing new; any other failure is printed: what was to be saved may not be there. Throws the error when no signal came.
 */
export function codeAfter(interruption: Interruption | undefined, error: unknown, reason?: unknown): number {
  const code = interruption?.code
  if (code === undefined) throw error
  if (!comesFrom(error, reason)) problems(describeFailure(error).lines)
  return code
}

function comesFrom(error: unknown, reason: unknown): boolean {
  const seen = new Set<unknown>()
  for (let each = error; each instanceof Error && !seen.has(each); each = each.cause) {
    if (each === reason) return true
    seen.add(each)
  }
  return false
}

/** Dies of the signal itself, which a shell reports as 130, 143 or 129: process.exit would wait until the worker's step is done. */
function leave(signal: NodeJS.Signals): void {
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
}
