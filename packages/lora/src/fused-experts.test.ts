import { describe, expect, it } from 'vitest'
import { loraConfig } from './config.js'
import { withFusedExperts } from './fused-experts.js'

const layer = 'model.layers.0'
const attention = ['q_proj', 'k_proj', 'v_proj', 'o_proj'].map((name) => `${layer}.self_attn.${name}`)
const contextOf = (modelType: string) => ({
  modelType,
  linearPaths: attention,
  modulePaths: ['', layer, ...attention, `${layer}.mlp`, `${layer}.mlp.gate`, `${layer}.mlp.experts`],
  parameterPaths: [
    ...attention.map((path) => `${path}.weight`),
    `${layer}.mlp.gate.weight`,
    `${layer}.mlp.experts.gate_up_proj`,
    `${layer}.mlp.experts.down_proj`,
  ],
})

/** Modules, parameters, ranks and alphas that the configuration comes to, names in order. */
function targetsOf(modelType: string, targetModules: readonly string[] | string | null, targetParameters?: string[]) {
  const raw = { r: 2, loraAlpha: 3, targetModules, ...(targetParameters && { targetParameters }) }
  const made = withFusedExperts(loraConfig.parse(raw), contextOf(modelType))
  const sorted = (names: readonly string[] | string | null) => (Array.isArray(names) ? [...names].sort() : names)
  return [sorted(made.targetModules), sorted(made.targetParameters), made.rankPattern, made.alphaPattern]
}

const doubled = [{ '.*\\.gate_up_proj': 4 }, { '.*\\.gate_up_proj': 6 }]
const parameters = ['down_proj', 'gate.weight', 'gate_up_proj']
const projections = ['k_proj', 'o_proj', 'q_proj', 'v_proj']

// What PEFT 0.21 makes of the same configurations over transformers 5.18.
describe('withFusedExperts', () => {
  it.each([
    ['mixtral', 'all-linear', [projections, parameters, ...doubled]],
    ['mixtral', ['w1', 'w2', 'w3'], [[], ['down_proj', 'gate_up_proj'], ...doubled]],
    ['mixtral', ['gate'], [[], ['gate.weight'], {}, {}]],
    ['mixtral', ['q_proj', 'gate_proj', 'down_proj'], [['down_proj', 'gate_proj', 'q_proj'], null, {}, {}]],
    ['mixtral', '.*(q_proj|down_proj)', [['down_proj', 'q_proj'], null, {}, {}]],
    ['qwen3_moe', 'all-linear', [projections, parameters, ...doubled]],
    [
      'qwen3_moe',
      ['q_proj', 'gate_proj', 'up_proj', 'down_proj'],
      [['q_proj'], ['down_proj', 'gate_up_proj'], ...doubled],
    ],
    ['qwen3_moe', ['down_proj'], [[], ['down_proj'], {}, {}]],
    ['qwen3_moe', ['q_proj', 'w1'], [['q_proj', 'w1'], null, {}, {}]],
    ['qwen3_moe', '.*(q_proj|down_proj)', [['q_proj'], ['down_proj'], {}, {}]],
    ['qwen3_moe', '.*(gate_proj|up_proj)', [['gate_up_proj'], ['gate_up_proj'], ...doubled]],
    ['qwen3_moe', '.*\\.(gate_proj|up_proj)', [[], ['gate_up_proj'], ...doubled]],
    ['llama', ['gate', 'w1'], [['gate', 'w1'], null, {}, {}]],
    ['llama', 'all-linear', ['all-linear', null, {}, {}]],
  ])('%s: %j', (modelType, targetModules, want) => {
    expect(targetsOf(modelType, targetModules)).toEqual(want)
  })

  it('keeps parameters that are named as they are, and no default layers beside them', () => {
    expect(targetsOf('mixtral', ['q_proj'], ['experts.down_proj'])).toEqual([['q_proj'], ['experts.down_proj'], {}, {}])
    expect(targetsOf('mixtral', null, ['experts.down_proj'])).toEqual([[], ['experts.down_proj'], {}, {}])
    expect(targetsOf('mixtral', null)).toEqual([null, null, {}, {}])
  })

  it('refuses layers of which the others are not named', () => {
    expect(() => targetsOf('mixtral', ['q_proj', 'w1'])).toThrow(
      expect.objectContaining({
        code: 'config.value',
        details: { targets: ['w1'], missing: ['w3'], parameter: 'gate_up_proj' },
      }),
    )
  })
})
