/** Names that others chose, quoted for the files that are written here: whatever a name holds, it stays a name. */

const RESERVED = /^(?:true|false|null|yes|no|on|off|y|n)$/i // YAML 1.1 reads them as something else
const PLAIN = /^(?:\.{0,2}\/|[A-Za-z_])[\w./@+:-]*$/

/** A scalar of YAML: as it is where YAML reads it so, in double quotes otherwise. */
export function yamlScalar(text: string): string {
  return PLAIN.test(text) && !text.endsWith(':') && !RESERVED.test(text) ? text : quoted(text)
}

/** A string in double quotes, as JSON, YAML and Python read it alike; in ASCII where a character is not for showing. */
export function quoted(text: string): string {
  return visible(JSON.stringify(text.replace(/\p{Surrogate}/gu, '\ufffd')))
}

/** A span of code in Markdown, on one line. */
export function codeSpan(text: string): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length))
  const fence = '`'.repeat(longest + 1)
  const pad = /^[` ]|[` ]$/.test(text) || text === '' ? ' ' : ''
  return `${fence}${pad}${visible(text)}${pad}${fence}`
}

// Controls, marks of direction and separators of lines: they would end a line, or show it in another order.
function visible(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
