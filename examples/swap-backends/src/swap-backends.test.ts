import { expect, it } from 'vitest'
import { backends } from './backends.js'
import { loadBase, train } from './train.js'

it('a model that moves from onnx to tfjs learns the same, and stays usable where it was', async () => {
  const open = (name: string) => (backends[name] as () => ReturnType<(typeof backends)[string]>)()
  await using base = await loadBase(await open('onnx'))
  await using moved = await base.to(await open('tfjs (wasm)'))
  const onTfjs = await train(moved)
  const onOnnx = await train(base)
  expect(onTfjs.losses).toHaveLength(onOnnx.losses.length)
  for (const [i, loss] of onTfjs.losses.entries())
    expect(Math.abs(loss - (onOnnx.losses[i] as number))).toBeLessThan(1e-4)
  expect(onTfjs.losses.at(-1)).toBeLessThan(onTfjs.losses[0] as number)
  expect(onTfjs.answer).toBe(onOnnx.answer)
})
