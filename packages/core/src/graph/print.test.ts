/** The printed form of graphs: what bug reports and snapshots show. */
import { describe, expect, it } from 'vitest'
import { hostTensor } from '../dtype.js'
import { geluCall } from '../nn/activations.js'
import { add, mul } from './ops/binary.js'
import { call } from './ops/call.js'
import { constant, constantTensor } from './ops/constant.js'
import { feed, input } from './ops/input.js'
import { matmul } from './ops/matmul.js'
import { pad } from './ops/pad.js'
import { permute } from './ops/permute.js'
import { reduceMax } from './ops/reduce.js'
import { topK } from './ops/top-k.js'
import { printGraph } from './print.js'
import type { Tensor } from './tensor.js'

describe('printGraph', () => {
  it('prints one node a line, inputs first, with attributes and specs', () => {
    const x = feed('x', 'f32', [2, 3])
    const w = input('weight', 'model.w', 'f32', [4, 3])
    const y = matmul(x, w, { transposeB: true })
    const z = call(geluCall, [add(y, constant(-0))], { approximate: 'tanh' })[0] as Tensor
    const { values, indices } = topK(permute(pad(z, [0, 1], [0, 0], 0.5), [1, 0]), 1)
    const big = constantTensor(
      hostTensor(
        'i32',
        [12],
        Array.from({ length: 12 }, (_, i) => i),
      ),
    )
    const small = constantTensor(hostTensor('f32', [2], [1, -0]))
    expect(printGraph([mul(values, reduceMax(x)), indices, big, small])).toMatchInlineSnapshot(`
      "%0 = input() slot=feed name=x : f32[2,3]
      %1 = input() slot=weight name=model.w : f32[4,3]
      %2 = matmul(%0, %1) transposeA=false transposeB=true : f32[2,4]
      %3 = constant() value=-0 : f32[]
      %4 = binary(%2, %3) fn=add : f32[2,4]
      %5 = call(%4) gelu {"approximate":"tanh"} : f32[2,4]
      %6 = pad(%5) before=0,1 after=0,0 value=0.5 : f32[2,5]
      %7 = permute(%6) order=1,0 : f32[5,2]
      %8 = topK(%7) k=1 : f32[5,1] i32[5,1]
      %9 = reduce(%0) fn=max axes=0,1 keepDims=false : f32[]
      %10 = binary(%8.0, %9) fn=mul : f32[5,1]
      %11 = constant() data=12 values #3957150551a144b9 : i32[12]
      %12 = constant() data=[1,-0] : f32[2]
      return %10, %8.1, %11, %12"
    `)
  })

  it('prints the same text for graphs built apart', () => {
    const build = () => printGraph([add(feed('x', 'f32', [2]), 1)])
    expect(build()).toBe(build())
  })
})
