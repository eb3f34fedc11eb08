import { describe, expect, it } from 'vitest'
import type { SafetensorsDType } from '../safetensors/dtype.js'
import { packedTensors } from './packed-tensors.js'

const found = (tensors: Readonly<Record<string, SafetensorsDType>>) =>
  packedTensors(new Map(Object.entries(tensors).map(([name, dtype]) => [name, { dtype }])))

describe('packedTensors', () => {
  it('finds codes by their dtype, and floats that hold codes by what lies beside them', () => {
    expect(found({ 'q.weight': 'I8', 'q.SCB': 'F32' })).toEqual(['q.weight', 'q.SCB'])
    expect(found({ 'q.weight': 'BF16', 'q.weight.absmax': 'F32' })).toEqual(['q.weight.absmax'])
    expect(found({ 'q.weight': 'U8', 'q.weight.quant_state.bitsandbytes__nf4': 'U8' })).toHaveLength(2)
    expect(found({ 'q.qweight': 'I32', 'q.qzeros': 'I32', 'q.scales': 'F16' })).toEqual(['q.qweight'])
    expect(found({ 'q.weight_packed': 'I32', 'q.weight_scale': 'BF16' })).toEqual(['q.weight_packed'])
    expect(found({ 'q.W_q': 'U8', 'q.scale': 'F16' })).toEqual(['q.W_q']) // HQQ
    expect(found({ 'q.weight._data': 'U8', 'q.weight._scale': 'F16' })).toEqual(['q.weight._data']) // Quanto
    expect(found({ 'q.weight': 'F8_E4M3', 'q.weight_scale_inv': 'F32' })).toHaveLength(2)
    expect(found({ 'experts.gate_up_proj_blocks': 'U8', 'experts.gate_up_proj_scales': 'U8' })).toHaveLength(1)
  })

  it('finds nothing among floats, whatever tables of whole numbers lie with them', () => {
    const floats = { 'q.weight': 'F32', 'k.weight': 'BF16', 'v.weight': 'F64', 'norm.bias': 'F16' } as const
    expect(found({ ...floats, 'embeddings.position_ids': 'I64', 'attn.bias': 'BOOL' })).toEqual([])
  })
})
