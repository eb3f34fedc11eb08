/** The table of pullbacks. A forgotten op does not compile; `undefined` means that no gradient flows through the op. */
import type { OpName } from '../graph/op-attrs.js'
import type { Pullback } from './pullback.js'
import { binaryPullback } from './pullbacks/binary.js'
import { matmulPullback } from './pullbacks/matmul.js'
import {
  barrierPullback,
  broadcastPullback,
  castPullback,
  concatPullback,
  gatherAlongPullback,
  gatherRowsPullback,
  padPullback,
  permutePullback,
  reshapePullback,
  scatterAddRowsPullback,
  selectPullback,
  slicePullback,
  topKPullback,
  writeRowsPullback,
} from './pullbacks/movement.js'
import { reducePullback } from './pullbacks/reduce.js'
import { unaryPullback } from './pullbacks/unary.js'

/** Pullback of every core op; a call's comes from its definition or its body. */
export const pullbacks: { readonly [K in Exclude<OpName, 'call'>]: Pullback<K> | undefined } = {
  input: undefined,
  constant: undefined,
  iota: undefined,
  unary: unaryPullback,
  binary: binaryPullback,
  compare: undefined,
  select: selectPullback,
  cast: castPullback,
  matmul: matmulPullback,
  reduce: reducePullback,
  reshape: reshapePullback,
  permute: permutePullback,
  broadcast: broadcastPullback,
  slice: slicePullback,
  pad: padPullback,
  concat: concatPullback,
  gatherRows: gatherRowsPullback,
  gatherAlong: gatherAlongPullback,
  scatterAddRows: scatterAddRowsPullback,
  writeRows: writeRowsPullback,
  topK: topKPullback,
  randomBits: undefined,
  barrier: barrierPullback,
}
