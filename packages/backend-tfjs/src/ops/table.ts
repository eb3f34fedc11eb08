/** The rule of every op. A forgotten op does not compile. */
import type { Node, OpName } from '@espalier/core'
import { callStep } from './calls.js'
import { binaryStep, castStep, compareStep, selectStep, unaryStep } from './elementwise.js'
import {
  gatherAlongStep,
  gatherRowsStep,
  randomBitsStep,
  scatterAddRowsStep,
  topKStep,
  writeRowsStep,
} from './indexing.js'
import {
  barrierStep,
  broadcastStep,
  concatStep,
  constantStep,
  iotaStep,
  padStep,
  permuteStep,
  reshapeStep,
  sliceStep,
} from './movement.js'
import { matmulStep } from './products.js'
import { reduceStep } from './reductions.js'
import type { Step, StepContext, StepRule } from './step-rule.js'

const table: { readonly [K in Exclude<OpName, 'input'>]: StepRule<K> } = {
  constant: constantStep,
  iota: iotaStep,
  unary: unaryStep,
  binary: binaryStep,
  compare: compareStep,
  select: selectStep,
  cast: castStep,
  matmul: matmulStep,
  reduce: reduceStep,
  reshape: reshapeStep,
  permute: permuteStep,
  broadcast: broadcastStep,
  slice: sliceStep,
  pad: padStep,
  concat: concatStep,
  gatherRows: gatherRowsStep,
  gatherAlong: gatherAlongStep,
  scatterAddRows: scatterAddRowsStep,
  writeRows: writeRowsStep,
  topK: topKStep,
  randomBits: randomBitsStep,
  barrier: barrierStep,
  call: callStep,
}

/** The step of a node that is not an input. */
export function stepOf(context: StepContext, node: Node): Step {
  const rule = table[node.op as Exclude<OpName, 'input'>] as StepRule<OpName>
  return rule(context, node as unknown as Node<OpName>)
}
