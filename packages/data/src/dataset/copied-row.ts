/** Rows as they are given away: copies, so that nobody who changes one changes what the source holds. */
import { copyWrittenNumbers } from '../written-numbers.js'

/** A row with its lists, plain objects and typed arrays copied, however deep; values of classes are shared. */
export function copiedRow<Row>(row: Row): Row {
  return copied(row, new Map()) as Row
}

// Each object once, which keeps shared parts shared, and ends where one holds itself.
function copied(value: unknown, done: Map<object, unknown>): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (done.has(value)) return done.get(value)
  if (Array.isArray(value)) {
    const list: unknown[] = []
    done.set(value, list)
    for (const part of value) list.push(copied(part, done))
    copyWrittenNumbers(value, list)
    return list
  }
  if (ArrayBuffer.isView(value) && 'slice' in value) return (value as Uint8Array).slice()
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  const fields: Record<string, unknown> = {}
  done.set(value, fields)
  for (const [name, part] of Object.entries(value)) fields[name] = copied(part, done)
  copyWrittenNumbers(value, fields)
  return fields
}
