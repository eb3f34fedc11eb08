import { describe, expect, it } from 'vitest'
import { ADAPTER_PROGRAMS, adapterFaults, modelFaults } from './opens-it.js'

const names = ['lora_A', 'lora_B'].map((part) => `base_model.model.model.layers.0.self_attn.q_proj.${part}.weight`)
const pair = names.map((name) => ({ name, shape: [8, 8] }))
const config = { peft_type: 'LORA', r: 8, lora_alpha: 8, bias: 'none' }

describe('adapterFaults', () => {
  it('finds nothing wrong with an ordinary LoRA, except for mlx', () => {
    for (const program of ADAPTER_PROGRAMS)
      expect(adapterFaults(program, config, pair).opens, program).toBe(program !== 'mlx')
  })

  it('gives the rank that vLLM must be started with, and refuses one above its largest', () => {
    expect(adapterFaults('vllm', { ...config, rank_pattern: { q_proj: 20 } }, pair).notes[0]).toContain(
      'max-lora-rank 32',
    )
    expect(adapterFaults('vllm', { ...config, r: 4096 }, pair).opens).toBe(false)
  })

  it('names what a program does not read', () => {
    expect(adapterFaults('vllm', { ...config, use_dora: true }, pair).notes).toContain('DoRA is not read')
    expect(adapterFaults('vllm', { ...config, modules_to_save: ['lm_head'] }, pair).opens).toBe(false)
    expect(adapterFaults('llama.cpp', { ...config, peft_type: 'IA3' }, pair).opens).toBe(false)
    const more = [...pair, { name: 'base_model.model.lm_head.weight', shape: [8, 8] }]
    expect(adapterFaults('ollama', config, more).notes[0]).toContain('lm_head')
  })

  it('notices tensors that PEFT would not find', () => {
    expect(adapterFaults('peft', config, pair.slice(1)).notes[0]).toContain('alone')
    expect(adapterFaults('peft', config, []).opens).toBe(false)
    expect(adapterFaults('peft', config, [{ name: 'q_proj.lora_A.weight', shape: [8, 8] }]).opens).toBe(false)
  })
})

describe('modelFaults', () => {
  it('knows which programs open a model folder', () => {
    expect(ADAPTER_PROGRAMS.filter((program) => modelFaults(program, 'llama').opens)).toEqual(['vllm', 'ollama', 'mlx'])
    expect(modelFaults('mlx', 'bert').opens).toBe(false)
  })
})
