/** Numbers on the command line as Python's argparse reads them, with int and float: no 0x10, and no 1e3 where a whole number is wanted. */

const DIGITS = String.raw`\d+(?:_\d+)*`
const WHOLE = new RegExp(`^[+-]?${DIGITS}$`)
const FLOAT = new RegExp(`^[+-]?(?:${DIGITS}\\.?(?:${DIGITS})?|\\.${DIGITS})(?:e[+-]?${DIGITS})?$`, 'i')

/** What int(text) gives; NaN where Python refuses it, or where it is too large to be exact. */
export function pythonInt(text: string): number {
  const value = numberOf(text, WHOLE)
  return Number.isSafeInteger(value) ? value : Number.NaN
}

/** What float(text) gives; NaN where Python refuses it, and for infinity, which no option takes. */
export function pythonFloat(text: string): number {
  const value = numberOf(text, FLOAT)
  return Number.isFinite(value) ? value : Number.NaN
}

function numberOf(text: string, spelling: RegExp): number {
  const trimmed = text.trim()
  return spelling.test(trimmed) ? Number(trimmed.replaceAll('_', '')) : Number.NaN
}
