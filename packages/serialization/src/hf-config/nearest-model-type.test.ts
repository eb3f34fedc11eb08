import { describe, expect, it } from 'vitest'
import { nearestModelType } from './nearest-model-type.js'

describe('nearestModelType', () => {
  it.each([
    ['chatglm', 'glm'],
    ['layoutlm', 'bert'],
    ['blip-2', 'opt'],
    ['gemma3', 'gemma3_text'],
    ['qwen2_moe', 'qwen2'],
    ['Llama', 'llama'],
    ['rwkv', undefined],
  ])('of %s is %s', (modelType, expected) => {
    const known = ['llama', 'qwen2', 'bert', 'opt', 'glm', 'gemma3_text']
    expect(nearestModelType(modelType, known)).toBe(expected)
  })

  it('is one of those that are known', () => {
    expect(nearestModelType('layoutlm', ['llama', 'opt'])).toBeUndefined()
    expect(nearestModelType('constructor', ['llama'])).toBeUndefined()
  })
})
