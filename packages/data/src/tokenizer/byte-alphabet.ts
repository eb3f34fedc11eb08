/** The alphabet in which byte-level tokenizers spell bytes as characters. Source: Radford et al. 2019, GPT-2. */

/** The byte that a character of the alphabet stands for. */
export const byteOfCharacter: ReadonlyMap<string, number> = byteLevelAlphabet()

/** The character that spells each byte. */
export const characterOfByte: readonly string[] = Array.from(byteOfCharacter.keys())

// Printable Latin-1 characters stand for themselves, the other bytes for U+0100 onwards.
function byteLevelAlphabet(): ReadonlyMap<string, number> {
  const isPrintable = (byte: number) => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae
  const alphabet = new Map<string, number>()
  let next = 0x100
  for (let byte = 0; byte < 256; byte++) alphabet.set(String.fromCharCode(isPrintable(byte) ? byte : next++), byte)
  return alphabet
}
