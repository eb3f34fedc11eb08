/** What both twins of `settle` take. */

/** Where in a source something is read. */
export interface PlaceToSettle {
  readonly subfolder?: string | undefined
  readonly signal?: AbortSignal | undefined
}
