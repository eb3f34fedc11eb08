import { describe, expect, it } from 'vitest'
import { fromFileKey, removeAdapterName, toFileKey } from './keys.js'

describe('file keys', () => {
  it.each([
    ['base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight', 'model.layers.0.self_attn.q_proj.lora_A.weight'],
    ['model.layers.0.q_proj.lora_A.weight', 'model.layers.0.q_proj.lora_A.weight'],
    ['_orig_mod.base_model.model.q.lora_A.weight', 'q.lora_A.weight'],
    ['base_model.model._orig_mod.model.q.lora_A.weight', 'model.q.lora_A.weight'],
    ['module.base_model.model.q.lora_A.weight', 'q.lora_A.weight'],
    ['base_model.model.model.module.q.lora_A.weight', 'model.module.q.lora_A.weight'],
    ['base_model.vera_A', 'base_model.vera_A'],
  ])('%s is %s', (key, path) => {
    expect(fromFileKey(key)).toBe(path)
  })

  it('get the prefix when they are written', () => {
    expect(toFileKey('model.q.lora_A.weight')).toBe('base_model.model.model.q.lora_A.weight')
    expect(toFileKey('base_model.vera_A')).toBe('base_model.vera_A')
  })
})

describe('removeAdapterName', () => {
  it.each([
    ['q.lora_A.default.weight', 'q.lora_A.weight'],
    ['e.lora_embedding_A.default', 'e.lora_embedding_A'],
    ['default.q.lora_A.default.weight', 'default.q.lora_A.weight'],
    ['default.q.k.weight', 'default.q.k.weight'],
    ['q.default.lora_A.weight', 'q.default.lora_A.weight'],
    ['default', 'default'],
    ['default.weight', 'default.weight'],
    ['x.default.default', 'x.default'],
  ])('%s becomes %s', (key, expected) => {
    expect(removeAdapterName(key, 'default')).toBe(expected)
  })
})
