import { describe, expect, it } from 'vitest'
import { defaultLoraTargets } from './default-targets.js'

describe('defaultLoraTargets', () => {
  it('knows model types, and says when it does not', () => {
    expect(defaultLoraTargets('llama')).toEqual(['q_proj', 'v_proj'])
    expect(defaultLoraTargets('gpt2')).toEqual(['c_attn'])
    expect(defaultLoraTargets('gemma4')).toBe('.*language_model\\..*\\.(q_proj|v_proj)')
    expect(defaultLoraTargets('tiny')).toBe(undefined)
  })
})
