/** What loading a model tells while it goes on: files that come from the hub, then weights on their way to the backend. */
import type { DownloadProgress } from '@espalier/serialization'

/** Weights that have reached the backend, widened where it needs that. */
export interface WeightsProgress {
  readonly phase: 'weights'
  /** The weight or step at hand. */
  readonly file: string
  readonly loadedBytes: number
  readonly totalBytes: number
}

/** Progress of loading, by phase; byte counts are of that phase. */
export type LoadProgress = DownloadProgress | WeightsProgress

/** Is told the progress of loading. */
export type OnLoadProgress = (progress: LoadProgress) => void
