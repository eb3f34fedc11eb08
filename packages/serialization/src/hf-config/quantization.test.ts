import { describe, expect, it } from 'vitest'
import { quantizationOf } from './quantization.js'

describe('quantizationOf', () => {
  it('names the method and its form, wherever config.json has them', () => {
    const cases: [object, string, string | null][] = [
      [{ quantization_config: { quant_method: 'gptq', bits: 4 } }, 'gptq', '4 bits'],
      [{ quantization_config: { quant_method: 'fp8', weight_block_size: [128, 128] } }, 'fp8', null],
      [{ compression_config: { quant_method: 'compressed-tensors' } }, 'compressed-tensors', null],
      [{ text_config: { quantization_config: { quant_method: 'awq', bits: 4 } } }, 'awq', '4 bits'],
      [{ quantization_config: { quant_method: 'bitsandbytes', load_in_8bit: true } }, 'bitsandbytes', 'int8'],
      [{ quantization_config: { load_in_4bit: true, bnb_4bit_quant_type: 'nf4' } }, 'bitsandbytes', 'nf4'],
      [{ quantization_config: { quant_method: 'bitsandbytes', load_in_4bit: true } }, 'bitsandbytes', 'fp4'],
      [{ quantization: { group_size: 64, bits: 4 } }, 'mlx', '4 bits'],
      [{ quantization_config: {} }, 'not named', null],
    ]
    for (const [values, method, form] of cases)
      expect(quantizationOf({ model_type: 'llama', ...values })).toMatchObject({ method, form })
  })

  it('is silent about floats', () => {
    for (const values of [{}, { quantization_config: null, rope_parameters: { rope_type: 'default' } }])
      expect(quantizationOf({ model_type: 'llama', ...values })).toBeNull()
  })
})
