/** Generation with the bundled architectures runs as packed programs on the CPU backend, with the text that the reference gives. */
import { onnx } from '@espalier/backend-onnx'
import { planPacked } from '@espalier/backend-onnx/packed/plan-packed.js'
import {
  AdaptedModel,
  type Backend,
  type CausalLM,
  decodeBf16,
  encodeBf16,
  hostTensor,
  memorySource,
  ParameterScope,
  Random,
  reference,
  sizeOf,
  weightRequests,
} from '@espalier/core'
import { lora } from '@espalier/lora'
import { gemma3Text, generateRows, glm, gpt2, llama, qwen2 } from '@espalier/models'
import { TINY_GEMMA3, TINY_GLM, TINY_GPT2, TINY_LLAMA } from '@espalier/models/fixtures/tiny-configs.js'
import { decodeProgram } from '@espalier/models/generation/programs.js'
import { describe, expect, it } from 'vitest'

const WIDE_LLAMA = { ...TINY_LLAMA, intermediate_size: 16 } // packed weights have columns in eights
const WIDE_GEMMA3 = { intermediate_size: 16, head_dim: 8 }

// Weights as a bf16 checkpoint has them.
function modelOf(architecture: typeof llama, config: typeof WIDE_LLAMA) {
  const scope = new ParameterScope((path, shape) => {
    const values = new Random(7).at(path).normal(sizeOf(shape), 0.3)
    return memorySource(
      hostTensor(
        'f32',
        shape,
        values.map((x) => decodeBf16(encodeBf16(x))),
      ),
    )
  })
  const model = architecture.build(config, scope, 'CAUSAL_LM') as CausalLM
  scope.check()
  return model
}

async function textOf(backend: Backend, model: CausalLM) {
  const source = { model, backend, weights: await backend.loadWeights(weightRequests(model)) }
  const alone = await generateRows(source, [[5, 3, 9, 1]], { maxNewTokens: 12 })
  const together = await generateRows(source, [[7], [2, 7, 7, 12, 4, 8], [5, 3]], { maxNewTokens: 8 })
  return [...alone, ...together].map(({ tokens }) => tokens)
}

describe('packed generation', () => {
  it.each([
    ['llama', llama, WIDE_LLAMA],
    ['qwen2', qwen2, { ...WIDE_LLAMA, model_type: 'qwen2' } as unknown as typeof WIDE_LLAMA],
    ['glm', glm, { ...TINY_GLM, intermediate_size: 16 } as unknown as typeof WIDE_LLAMA],
    ['gemma3_text', gemma3Text, { ...TINY_GEMMA3, ...WIDE_GEMMA3 } as unknown as typeof WIDE_LLAMA],
    ['gpt2', gpt2, { ...TINY_GPT2, n_inner: 16 } as unknown as typeof WIDE_LLAMA],
  ])('of %s', async (_, architecture, config) => {
    const model = modelOf(architecture, config)
    const sizes = { batch: 1, slots: 32, output: 'token' } as const
    expect(planPacked(decodeProgram(model, sizes), () => 1)).toBeDefined()
    const backend = onnx({ threads: 2 })
    try {
      expect(await textOf(backend, model)).toEqual(await textOf(reference(), model))
    } finally {
      await backend.close()
    }
  })

  it('takes adapters along', () => {
    const adapted = new AdaptedModel({
      model: modelOf(llama, WIDE_LLAMA),
      modelType: 'llama',
      config: WIDE_LLAMA,
      nameOrPath: null,
      revision: null,
      defaultTargets: ['q_proj', 'v_proj'],
    })
    adapted.addAdapter('default', lora({ r: 2 }))
    const program = decodeProgram(adapted.model as CausalLM, { batch: 1, slots: 32, output: 'token' })
    expect(planPacked(program, () => 1)).toBeDefined()
  })
})
