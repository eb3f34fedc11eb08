/** The rule of every op. A forgotten op does not compile. */
import type { Node, OpName } from '@espalier/core'
import { emitCall } from './calls.js'
import { emitBinary, emitCast, emitCompare, emitSelect, emitUnary } from './elementwise.js'
import type { EmitOp } from './emit-op.js'
import type { Emitter } from './emitter.js'
import {
  emitGatherAlong,
  emitGatherRows,
  emitRandomBits,
  emitScatterAddRows,
  emitTopK,
  emitWriteRows,
} from './indexing.js'
import {
  emitBarrier,
  emitBroadcast,
  emitConcat,
  emitConstant,
  emitIota,
  emitPad,
  emitPermute,
  emitReshape,
  emitSlice,
} from './movement.js'
import { emitMatmul, emitReduce } from './products.js'

const table: { readonly [K in Exclude<OpName, 'input'>]: EmitOp<K> } = {
  constant: emitConstant,
  iota: emitIota,
  unary: emitUnary,
  binary: emitBinary,
  compare: emitCompare,
  select: emitSelect,
  cast: emitCast,
  matmul: emitMatmul,
  reduce: emitReduce,
  reshape: emitReshape,
  permute: emitPermute,
  broadcast: emitBroadcast,
  slice: emitSlice,
  pad: emitPad,
  concat: emitConcat,
  gatherRows: emitGatherRows,
  gatherAlong: emitGatherAlong,
  scatterAddRows: emitScatterAddRows,
  writeRows: emitWriteRows,
  topK: emitTopK,
  randomBits: emitRandomBits,
  barrier: emitBarrier,
  call: emitCall,
}

/** Emits one node that is not an input. */
export function emitNode(e: Emitter, node: Node): void {
  const rule = table[node.op as Exclude<OpName, 'input'>] as EmitOp<OpName>
  rule(e, node as unknown as Node<OpName>, node.inputs as unknown as Parameters<EmitOp<OpName>>[2])
}
