/** Whether two nodes of one op have the same attributes: with the same inputs and specs they then compute the same. */
import { isOp, type Node } from './tensor.js'

/** Compares attributes by value; definitions of calls by identity, since a name may have two. 0 and -0 differ: 1 / x tells them apart. */
export function sameAttrs(a: Node, b: Node): boolean {
  if (a.attrs === b.attrs) return true
  if (isOp(a, 'call') && isOp(b, 'call'))
    return a.attrs.definition === b.attrs.definition && sameValue(a.attrs.attributes, b.attrs.attributes)
  return sameValue(a.attrs, b.attrs)
}

type Entries = Readonly<Record<string, unknown>>

/** Whether two plain values, lists or objects of such are the same. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (isList(a) || isList(b)) return isList(a) && isList(b) && haveSameItems(a, b)
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => key in b && sameValue((a as Entries)[key], (b as Entries)[key]))
  )
}

function haveSameItems(a: ArrayLike<unknown>, b: ArrayLike<unknown>): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (!sameValue(a[i], b[i])) return false
  return true
}

function isList(value: object): value is ArrayLike<unknown> {
  return Array.isArray(value) || ArrayBuffer.isView(value)
}
