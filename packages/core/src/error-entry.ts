/** An entry of the catalogue of error codes. */

/** What a code means: when it is thrown, an example and the remedy. */
export interface ErrorEntry {
  readonly when: string
  readonly example: string
  readonly remedy: string
}
