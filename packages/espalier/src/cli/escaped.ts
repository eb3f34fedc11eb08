/** Text of data, models and files as a terminal may show it: no escape sequence of theirs is obeyed, and none reorders a line. */

// C0 without tab and line feed, DEL, C1, marks of direction, line and paragraph separators.
const COMMANDS =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** The text with each character that a terminal would act on as `\uXXXX`. JSON stays JSON, of the same values. */
export function escaped(text: string): string {
  return text.replace(COMMANDS, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
