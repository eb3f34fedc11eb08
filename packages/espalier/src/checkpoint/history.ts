/** What a run had told when a checkpoint was written: transformers' trainer_state.json, read again. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { EarlierFiles, LogLine } from '../run-folder/run-files.js'
import { TRAINER_STATE } from './record.js'

/** A run's history. */
export interface RunHistory extends EarlierFiles {
  /** What callbacks kept, by their names. */
  readonly callbacks: Readonly<Record<string, object>>
}

interface TrainerStateFile {
  readonly global_step: number
  readonly epoch: number
  readonly num_input_tokens_seen: number
  readonly log_history: readonly LogLine[]
  readonly stateful_callbacks: Readonly<Record<string, object>>
}

/** The history of a whole checkpoint. */
export async function readHistory(checkpoint: string): Promise<RunHistory> {
  const state = JSON.parse(await readFile(join(checkpoint, TRAINER_STATE), 'utf8')) as TrainerStateFile
  return {
    log: state.log_history,
    reached: { step: state.global_step, epoch: state.epoch, tokens: state.num_input_tokens_seen },
    callbacks: state.stateful_callbacks,
  }
}
