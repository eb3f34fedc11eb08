/** The clean-up of spaces that transformers does after decoding, `clean_up_tokenization_spaces`. */

const PATTERNS: readonly (readonly [string, string])[] = [
  [' .', '.'],
  [' ?', '?'],
  [' !', '!'],
  [' ,', ','],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
]

/** The text without spaces before punctuation and English contractions. Source: clean_up_tokenization of transformers 5.18. */
export function cleanUp(text: string): string {
  return PATTERNS.reduce((result, [from, to]) => result.replaceAll(from, to), text)
}

// The longest text that becomes something else is " n ' t".
const LONGEST = 6

/** How many characters at the end of a text the clean-up may still change: from a space that a pattern could start with. */
export function heldByCleanUp(text: string): number {
  const from = text.indexOf(' ', Math.max(0, text.length - LONGEST + 1))
  return from < 0 ? 0 : text.length - from
}
