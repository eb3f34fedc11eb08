/** What the page and its worker say to each other. */

/** A row to learn from. */
export interface Row {
  readonly prompt: string
  readonly completion: string
}

/** To the worker. */
export type Request =
  | {
      readonly type: 'train'
      readonly model: ReadonlyMap<string, Blob>
      readonly rows: readonly Row[]
      readonly steps: number
      readonly ask: string
    }
  | { readonly type: 'stop' }

/** From the worker. */
export type Answer =
  | { readonly type: 'state'; readonly text: string }
  | { readonly type: 'step'; readonly step: number; readonly totalSteps: number; readonly loss: number }
  | { readonly type: 'text'; readonly when: 'before' | 'after'; readonly text: string }
  | { readonly type: 'adapter'; readonly files: ReadonlyMap<string, Blob> }
  | { readonly type: 'failed'; readonly message: string }
