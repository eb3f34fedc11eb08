/** Remembers what was made of a word: text repeats its words, so this is most of the time of encoding. */
const MOST_WORDS = 65_536 // then the memory starts afresh: some megabytes
const LONGEST_WORD = 64 // longer words hardly repeat

/** The same function with a memory. */
export function remember<T>(compute: (word: string) => T): (word: string) => T {
  const known = new Map<string, T>()
  return (word) => {
    const found = known.get(word)
    if (found !== undefined) return found
    const value = compute(word)
    if (word.length > LONGEST_WORD) return value
    if (known.size >= MOST_WORDS) known.clear()
    known.set(word, value)
    return value
  }
}
