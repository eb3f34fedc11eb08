/** Spelling: which of the names that exist somebody meant, if any. */

const LARGEST_SHARE = 0.4 // of the longer name's letters that differ; `bf16` and `seed` have none in common

/** The candidate with the fewest edits, undefined where none is near. Case, `_` and `-` are no edits, so learning_rate is learningRate; the end of a name stands for it, so alpha is loraAlpha. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const written = plain(word)
  let best: { readonly candidate: string; readonly edits: number } | undefined
  for (const candidate of candidates) {
    const name = plain(candidate)
    const edits = distance(written, name)
    const isNear =
      edits <= LARGEST_SHARE * Math.max(written.length, name.length) ||
      (written.length >= SHORTEST_END && name.endsWith(written))
    if (isNear && edits < (best?.edits ?? Number.POSITIVE_INFINITY)) best = { candidate, edits }
  }
  return best?.candidate
}

const SHORTEST_END = 4 // letters; fewer end too many names

/** What to do about a name that does not exist: "Did you mean learningRate?", or where none is near, `otherwise`; by default, which names there are. */
export function didYouMean(word: string, candidates: readonly string[], otherwise?: string): string {
  const near = nearest(word, candidates)
  if (near !== undefined) return `Did you mean ${near}?`
  return otherwise ?? `Leave it out, or use one of ${candidates.join(', ')}`
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, '')
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(
        Math.min(
          (row[j] as number) + 1,
          (next[j - 1] as number) + 1,
          (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1),
        ),
      )
    }
    row = next
  }
  return row[b.length] as number
}
