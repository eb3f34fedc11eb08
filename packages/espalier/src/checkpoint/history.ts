/** What a run had told when a checkpoint was written: transformers' trainer_state.json, read again. */
import { join } from 'node:path'
import type { EarlierFiles, LogLine } from '../run-folder/run-files.js'
import { isNamed, jsonHash, readPlainJson } from './plain-json.js'

/** transformers' file of a run's history. */
export const TRAINER_STATE = 'trainer_state.json'

/** A run's history. */
export interface RunHistory extends EarlierFiles {
  /** What callbacks kept, by their names. */
  readonly callbacks: Readonly<Record<string, object>>
}

/** What the file holds, by transformers' names. */
export type TrainerStateFile = Readonly<Record<string, unknown>>

/** The file of a folder; undefined where there is none, or half of one. */
export async function readTrainerState(folder: string): Promise<TrainerStateFile | undefined> {
  const state = await readPlainJson(join(folder, TRAINER_STATE))
  return isNamed(state) ? state : undefined
}

/** SHA-256 of all that it tells but for the folder of the best values, which moves when a result takes its place. */
export function historyHash({ best_model_checkpoint: _, ...told }: TrainerStateFile): string | undefined {
  return jsonHash(told)
}

/** The history that it tells; undefined where it is none that a run has written. */
export function historyOf(state: TrainerStateFile): RunHistory | undefined {
  const { global_step: step, epoch, num_input_tokens_seen: tokens, log_history: log, stateful_callbacks } = state
  const isReached = [step, epoch, tokens].every((value) => Number.isFinite(value) && (value as number) >= 0)
  if (!isReached || !isLog(log) || !isNamed(stateful_callbacks)) return undefined
  if (unreadableCallback(state) !== undefined) return undefined
  return {
    log,
    reached: { step, epoch, tokens } as EarlierFiles['reached'],
    callbacks: stateful_callbacks as RunHistory['callbacks'],
  }
}

/** The name of a callback that kept something else than its state; undefined where there is none. */
export function unreadableCallback({ stateful_callbacks: callbacks }: TrainerStateFile): string | undefined {
  const isKept = (kept: unknown) => [kept].flat().every(isCallbackState)
  return Object.entries(isNamed(callbacks) ? callbacks : {}).find(([, kept]) => !isKept(kept))?.[0]
}

// A number that is not finite is null in JSON.
function isLog(lines: unknown): lines is readonly LogLine[] {
  const isValue = (value: unknown) => typeof value === 'number' || value === null
  return Array.isArray(lines) && lines.every((line) => isNamed(line) && Object.values(line).every(isValue))
}

function isCallbackState(kept: unknown): boolean {
  return isNamed(kept) && isNamed(kept.args) && isNamed(kept.attributes)
}
