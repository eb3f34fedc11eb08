/** `text.format(...)` and `text.format_map(...)`: replacement fields in braces. */
import { Raised, Refused, valueError } from '../errors.js'
import type { Run } from '../run.js'
import { quoted, repr, str } from '../values/repr.js'
import type { Arguments, Value } from '../values/values.js'
import { formatValue } from './format-spec.js'

/** How a field reaches into a value: `.name` or `[key]`. */
export interface Reach {
  attribute(run: Run, value: Value, name: string): Value
  item(run: Run, value: Value, key: Value): Value
}

const FIELD = /^([^.[]*)((?:\.[^.[]+|\[[^\]]+\])*)$/s

/** The text with its fields filled. Throws what Python raises. */
export function formatBraces(run: Run, format: string, args: Arguments, reach: Reach): string {
  let next = 0
  let isNumbered = false
  const fieldValue = (field: string): Value => {
    const [, first = '', rest = ''] = FIELD.exec(field) ?? valueError(`the field ${quoted(field)} cannot be read`)
    if (first === '' ? isNumbered : /^\d+$/.test(first) && next > 0)
      valueError('cannot switch between manual field specification and automatic field numbering')
    isNumbered ||= /^\d+$/.test(first)
    let value = named(args, first === '' ? String(next++) : first)
    for (const [, name, key] of rest.matchAll(/\.([^.[]+)|\[([^\]]+)\]/g))
      value =
        name === undefined
          ? reach.item(run, value, /^\d+$/.test(key ?? '') ? BigInt(key ?? 0) : (key ?? ''))
          : reach.attribute(run, value, name)
    return value
  }
  const fill = (text: string, depth: number): string => {
    let result = ''
    for (let at = 0; at < text.length; ) {
      const character = text.charAt(at)
      if ((character === '{' || character === '}') && text.charAt(at + 1) === character) {
        result += character
        at += 2
      } else if (character === '}') valueError("Single '}' encountered in format string")
      else if (character === '{') {
        const end = endOfField(text, at)
        const filled = replaced(run, text.slice(at + 1, end), depth, fieldValue, fill)
        run.text(filled.length)
        result += filled
        at = end + 1
      } else {
        result += character
        at += 1
      }
      run.step()
    }
    return result
  }
  run.text(format.length)
  return fill(format, 0)
}

function endOfField(text: string, start: number): number {
  let depth = 0
  for (let at = start; at < text.length; at++) {
    if (text.charAt(at) === '{') depth += 1
    if (text.charAt(at) === '}') depth -= 1
    if (depth === 0) return at
  }
  return valueError(
    text.length === start + 1 ? "Single '{' encountered in format string" : "expected '}' before end of string",
  )
}

function replaced(
  run: Run,
  inside: string,
  depth: number,
  fieldValue: (field: string) => Value,
  fill: (text: string, depth: number) => string,
): string {
  if (depth >= 2) valueError('Max string recursion exceeded')
  const [, field = '', , conversion, spec = ''] =
    /^((?:[^!:[]|\[[^\]]*\]?)*)(!([^:]*))?(?::(.*))?$/s.exec(inside) ?? valueError('a replacement field cannot be read')
  if (/[{}]/.test(field)) valueError("unexpected '{' in field name")
  const value = fieldValue(field)
  if (conversion !== undefined && !/^[rsa]$/.test(conversion))
    valueError(`Unknown conversion specifier '${conversion}'`)
  if (conversion === 'a') throw new Refused('the conversion !a is not computed here')
  const shown = conversion === 'r' ? repr(run, value) : conversion === 's' ? str(run, value) : value
  return formatValue(run, shown, fill(spec, depth + 1))
}

function named({ positional, named: keywords }: Arguments, name: string): Value {
  if (/^\d+$/.test(name)) {
    const value = positional[Number(name)]
    if (value === undefined)
      throw new Raised('IndexError', `Replacement index ${name} out of range for positional args tuple`)
    return value
  }
  const value = keywords.get(name)
  if (value === undefined) throw new Raised('KeyError', quoted(name))
  return value
}
