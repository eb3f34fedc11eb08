import type { CausalLM } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { TINY_LLAMA } from '../fixtures/tiny-configs.js'
import { tinyModel } from '../fixtures/tiny-model.js'
import { llama } from '../llama.js'
import { tracedDecode, tracedPrefill } from './traced-programs.js'

describe('traced programs', () => {
  const model = tinyModel(llama, TINY_LLAMA, 'CAUSAL_LM') as CausalLM
  const sizes = { batch: 1, slots: 128, output: 'token' } as const

  it('are the same objects for the same model and sizes', () => {
    expect(tracedDecode(model, sizes)).toBe(tracedDecode(model, { ...sizes }))
    expect(tracedPrefill(model, 16, false, sizes)).toBe(tracedPrefill(model, 16, false, sizes))
  })

  it('are others for another size, output or model', () => {
    const other = tinyModel(llama, TINY_LLAMA, 'CAUSAL_LM') as CausalLM
    const programs = [
      tracedDecode(model, sizes),
      tracedDecode(model, { ...sizes, slots: 256 }),
      tracedDecode(model, { ...sizes, output: 'logits' }),
      tracedDecode(other, sizes),
      tracedPrefill(model, 16, true, sizes),
      tracedPrefill(model, 16, false, sizes),
    ]
    expect(new Set(programs).size).toBe(programs.length)
  })
})
