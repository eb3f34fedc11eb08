/** The table of all core ops. A forgotten op does not compile. */
import type { OpName } from './op-attrs.js'
import type { OpRule } from './op-rule.js'
import { barrierRule } from './ops/barrier.js'
import { binaryRule } from './ops/binary.js'
import { broadcastRule } from './ops/broadcast.js'
import { callRule } from './ops/call.js'
import { castRule } from './ops/cast.js'
import { compareRule } from './ops/compare.js'
import { concatRule } from './ops/concat.js'
import { constantRule } from './ops/constant.js'
import { gatherAlongRule } from './ops/gather-along.js'
import { gatherRowsRule } from './ops/gather-rows.js'
import { inputRule } from './ops/input.js'
import { iotaRule } from './ops/iota.js'
import { matmulRule } from './ops/matmul.js'
import { padRule } from './ops/pad.js'
import { permuteRule } from './ops/permute.js'
import { randomBitsRule } from './ops/random-bits.js'
import { reduceRule } from './ops/reduce.js'
import { reshapeRule } from './ops/reshape.js'
import { scatterAddRowsRule } from './ops/scatter-add-rows.js'
import { selectRule } from './ops/select.js'
import { sliceRule } from './ops/slice.js'
import { topKRule } from './ops/top-k.js'
import { unaryRule } from './ops/unary.js'
import { writeRowsRule } from './ops/write-rows.js'

/** Shape rule and meaning of every core op. */
export const opRules: { readonly [K in OpName]: OpRule<K> } = {
  input: inputRule,
  constant: constantRule,
  iota: iotaRule,
  unary: unaryRule,
  binary: binaryRule,
  compare: compareRule,
  select: selectRule,
  cast: castRule,
  matmul: matmulRule,
  reduce: reduceRule,
  reshape: reshapeRule,
  permute: permuteRule,
  broadcast: broadcastRule,
  slice: sliceRule,
  pad: padRule,
  concat: concatRule,
  gatherRows: gatherRowsRule,
  gatherAlong: gatherAlongRule,
  scatterAddRows: scatterAddRowsRule,
  writeRows: writeRowsRule,
  topK: topKRule,
  randomBits: randomBitsRule,
  barrier: barrierRule,
  call: callRule,
}
