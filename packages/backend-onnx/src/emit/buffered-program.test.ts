import { add, feed, hostTensor, input, memorySource, mul, type Program } from '@espalier/core'
import { expect, it } from 'vitest'
import { onnx } from '../index.js'
import { bufferedProgram } from './emit-program.js'

const [a, b] = ['a', 'b'].map((name) => input('weight', name, 'f32', [2]))
const program: Program = { name: 'sum', outputs: { y: add(mul(feed('x', 'f32', [2]), a as never), b as never) } }

it('is translated once, whatever the numbers of its weights', () => {
  const numbers = (of: Readonly<Record<string, number>>) => {
    const { model, plan } = bufferedProgram(program, (slot) => of[slot] as number)
    return { model, ids: plan.inputs.flatMap(({ from }) => (from.kind === 'weight' ? [from.id] : [])) }
  }
  const [first, second] = [numbers({ a: 3, b: 8 }), numbers({ a: 5, b: 4 })]
  expect([first.ids, second.ids]).toEqual([
    [3, 8],
    [5, 4],
  ])
  expect(second.model).toBe(first.model)
})

it('runs on the weights that it is compiled with', async () => {
  const backend = onnx({ threads: 1, weightCache: false })
  const results: number[][] = []
  for (const [first, second] of [
    [2, 10],
    [3, 20],
  ]) {
    const weights = await backend.loadWeights(
      new Map(
        Object.entries({ a: first, b: second }).map(([name, value]) => [
          name,
          { source: memorySource(hostTensor('f32', [2], [value as number, 0])), dtype: 'f32' },
        ]),
      ),
    )
    const compiled = await backend.compile(program, { weights })
    const { y = hostTensor('f32', [0]) } = await compiled.run({ feeds: { x: hostTensor('f32', [2], [1, 1]) } })
    results.push([...(y.data as Float32Array)])
  }
  expect(results).toEqual([
    [12, 0],
    [23, 0],
  ])
  await backend.close()
})
