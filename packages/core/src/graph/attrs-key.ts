/** Attributes as text: what makes two nodes the same op. Printing, common subexpressions and the compile cache share it. */
import { isOp, type Node } from './tensor.js'

/** A node's attributes as a short text, `fn=add` or `order=0,2,1`. */
export function attrsText(node: Node): string {
  if (isOp(node, 'call')) return `${node.attrs.definition.name} ${JSON.stringify(node.attrs.attributes)}`
  if (isOp(node, 'constant') && 'data' in node.attrs) {
    const { data } = node.attrs
    return `data=${data.length > 8 ? `${data.length} values #${hashBytes(data)}` : `[${Array.from(data, numberText).join(',')}]`}`
  }
  return Object.entries(node.attrs as object)
    .map(([key, value]) => `${key}=${typeof value === 'number' ? numberText(value) : String(value)}`)
    .join(' ')
}

/** Outputs' dtypes and shapes as text, `f32[2,3]`. */
export function specsText(node: Node): string {
  return node.outputs.map((x) => `${x.dtype}[${x.shape.join(',')}]`).join(' ')
}

// 0 and -0 are different constants: 1 / x tells them apart.
function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

function hashBytes(data: ArrayBufferView): string {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  let a = 2166136261
  let b = 0x9e3779b9
  for (const byte of bytes) {
    a = Math.imul(a ^ byte, 16777619)
    b = Math.imul(b ^ byte, 0x85ebca6b) + 0x27d4eb2f
  }
  return `${(a >>> 0).toString(16)}${(b >>> 0).toString(16)}`
}
