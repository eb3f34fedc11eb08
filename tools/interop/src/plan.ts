/** What is exchanged with Python: adapters of many configurations, and training that one side begins and the other continues. */

/** One adapter that both sides make, save and load. */
export interface ExchangeCase {
  readonly name: string
  /** Folder of the base model: below the fixtures, DEEP or MASKED. */
  readonly base: string
  readonly modelClass:
    | 'AutoModelForCausalLM'
    | 'AutoModelForSeq2SeqLM'
    | 'AutoModelForSequenceClassification'
    | 'AutoModelForMaskedLM'
  readonly method: 'lora' | 'ia3' | 'loha' | 'vera' | 'adalora'
  /** PEFT's arguments, in snake_case. */
  readonly config: Readonly<Record<string, unknown>>
}

/** Stands for a base model of four layers that is made here: long lists of targets are condensed. */
export const DEEP = '(deep)'

/** Stands for a base model that fills in masked tokens, which is made here. */
export const MASKED = '(masked)'

const causal = { base: 'base/llama', modelClass: 'AutoModelForCausalLM', method: 'lora' } as const
const classifier = { base: 'base/bert/seq-cls', modelClass: 'AutoModelForSequenceClassification' } as const
const masked = { base: MASKED, modelClass: 'AutoModelForMaskedLM', method: 'lora' } as const
const writer = { base: 'base/t5', modelClass: 'AutoModelForSeq2SeqLM', config: { task_type: 'SEQ_2_SEQ_LM' } } as const
const task = { task_type: 'CAUSAL_LM' }

/** All cases. */
export const cases: readonly ExchangeCase[] = [
  { ...causal, name: 'defaults', config: task },
  { ...causal, name: 'without-task', config: {} },
  { ...causal, name: 'all-linear', config: { ...task, target_modules: 'all-linear', r: 3, lora_alpha: 5 } },
  { ...causal, name: 'all-linear-deep', base: DEEP, config: { ...task, target_modules: 'all-linear', r: 2 } },
  { ...causal, name: 'rslora', config: { ...task, use_rslora: true, lora_dropout: 0.1 } },
  { ...causal, name: 'gaussian', config: { ...task, init_lora_weights: 'gaussian' } },
  { ...causal, name: 'init-false', config: { ...task, init_lora_weights: false } },
  {
    ...causal,
    name: 'patterns',
    config: {
      ...task,
      target_modules: ['q_proj', 'v_proj', 'down_proj'],
      rank_pattern: { '^model.layers.0.mlp.down_proj': 1, 'layers\\.1\\.self_attn\\.v_proj': 6, q_proj: 2 },
      alpha_pattern: { down_proj: 3, q_proj: 7 },
    },
  },
  { ...causal, name: 'regex', config: { ...task, target_modules: '.*\\.(self_attn\\.(q|o)_proj|mlp\\.down_proj)' } },
  {
    ...causal,
    name: 'excluded',
    config: { ...task, target_modules: 'all-linear', exclude_modules: ['k_proj', 'layers.0.mlp.up_proj'] },
  },
  {
    ...causal,
    name: 'layers',
    config: { ...task, target_modules: ['q_proj', 'up_proj'], layers_to_transform: [1], layers_pattern: 'layers' },
  },
  { ...causal, name: 'modules-to-save', config: { ...task, modules_to_save: ['lm_head', 'norm'] } },
  {
    ...causal,
    name: 'tied-head-to-save',
    base: 'base/smollm',
    config: { ...task, target_modules: ['q_proj'], modules_to_save: ['lm_head'] },
  },
  {
    ...causal,
    name: 'tied-both-to-save',
    base: 'base/smollm',
    config: { ...task, target_modules: ['q_proj'], modules_to_save: ['embed_tokens', 'lm_head'] },
  },
  { ...causal, name: 'gpt2-head-to-save', base: 'base/gpt2', config: { ...task, modules_to_save: ['lm_head'] } },
  {
    ...causal,
    name: 'ia3-tied',
    method: 'ia3',
    base: 'base/smollm',
    config: { ...task, modules_to_save: ['lm_head'] },
  },
  {
    ...causal,
    name: 'embeddings',
    config: { ...task, target_modules: ['embed_tokens', 'lm_head', 'q_proj'] },
  },
  { ...causal, name: 'lora-bias', base: 'base/llama-bias', config: { ...task, lora_bias: true } },
  { ...causal, name: 'bias-all', base: 'base/llama-bias', config: { ...task, bias: 'all' } },
  { ...causal, name: 'bias-all-and-lora-bias', base: 'base/gpt2', config: { ...task, bias: 'all', lora_bias: true } },
  { ...causal, name: 'bias-lora-only', base: 'base/gpt2', config: { ...task, bias: 'lora_only' } },
  { ...causal, name: 'gpt2', base: 'base/gpt2', config: task },
  { ...causal, name: 'qwen2', base: 'base/qwen2', config: { ...task, layers_to_transform: [0] } },
  ...['gemma', 'gemma2', 'gemma3_text', 'glm', 'glm4'].map((name) => ({
    ...causal,
    name,
    base: `base/${name}`,
    config: { ...task, target_modules: 'all-linear' },
  })),
  { ...classifier, method: 'lora', name: 'bert', config: { task_type: 'SEQ_CLS' } },
  {
    ...classifier,
    method: 'lora',
    name: 'roberta',
    base: 'base/roberta/seq-cls',
    config: { task_type: 'SEQ_CLS', target_modules: 'all-linear' },
  },
  {
    ...classifier,
    method: 'lora',
    name: 'distilbert',
    base: 'base/distilbert/seq-cls',
    config: { task_type: 'SEQ_CLS', target_modules: ['q_lin', 'v_lin'] },
  },
  { ...classifier, method: 'lora', name: 'electra', base: 'base/electra/seq-cls', config: { task_type: 'SEQ_CLS' } },
  {
    ...classifier,
    method: 'lora',
    name: 'deberta-v2',
    base: 'base/deberta-v2/seq-cls',
    config: { task_type: 'SEQ_CLS' },
  },
  {
    ...classifier,
    method: 'lora',
    name: 'albert',
    base: 'base/albert/seq-cls',
    config: { task_type: 'SEQ_CLS', target_modules: 'all-linear' },
  },
  {
    ...classifier,
    method: 'lora',
    name: 'deberta-v2-without-task',
    base: 'base/deberta-v2/seq-cls',
    config: { target_modules: ['query_proj'] },
  },
  {
    ...classifier,
    method: 'lora',
    name: 'bert-bias-all',
    config: { task_type: 'SEQ_CLS', bias: 'all', modules_to_save: ['pooler'] },
  },
  { ...masked, name: 'masked', config: {} },
  { ...masked, name: 'masked-bias-all', config: { bias: 'all' } },
  { ...masked, name: 'masked-bias-lora-only', config: { bias: 'lora_only', target_modules: ['query', 'decoder'] } },
  { ...masked, name: 'masked-all-linear', config: { target_modules: 'all-linear', r: 3 } },
  { ...writer, name: 't5', method: 'lora' },
  { ...causal, name: 'ia3', method: 'ia3', config: task },
  { ...causal, name: 'ia3-gpt2', method: 'ia3', base: 'base/gpt2', config: task },
  { ...classifier, name: 'ia3-bert', method: 'ia3', config: { task_type: 'SEQ_CLS' } },
  { ...writer, name: 'ia3-t5', method: 'ia3' },
  {
    ...causal,
    name: 'ia3-targets',
    method: 'ia3',
    config: { ...task, target_modules: '.*_proj', feedforward_modules: ['o_proj', 'down_proj'] },
  },
  { ...causal, name: 'loha', method: 'loha', config: { ...task, target_modules: ['q_proj', 'v_proj', 'down_proj'] } },
  {
    ...causal,
    name: 'loha-patterns',
    method: 'loha',
    config: {
      ...task,
      r: 3,
      alpha: 5,
      target_modules: ['q_proj', 'up_proj'],
      rank_pattern: { up_proj: 2 },
      alpha_pattern: { q_proj: 7 },
      rank_dropout: 0.1,
      module_dropout: 0.1,
      modules_to_save: ['lm_head'],
    },
  },
  {
    ...classifier,
    name: 'loha-bert',
    method: 'loha',
    config: { task_type: 'SEQ_CLS', target_modules: ['query', 'value'] },
  },
  { ...causal, name: 'vera', method: 'vera', config: { ...task, r: 8, target_modules: ['q_proj', 'o_proj'] } },
  {
    ...causal,
    name: 'vera-drawn-again',
    method: 'vera',
    config: { ...task, r: 5, target_modules: ['q_proj', 'o_proj'], projection_prng_key: 3, save_projection: false },
  },
  {
    ...causal,
    name: 'vera-gpt2',
    method: 'vera',
    base: 'base/gpt2',
    config: { ...task, r: 4, target_modules: ['c_attn'] },
  },
  { ...causal, name: 'adalora', method: 'adalora', config: { ...task, total_step: 10, tinit: 2, tfinal: 3 } },
  {
    ...causal,
    name: 'adalora-settings',
    method: 'adalora',
    config: {
      ...task,
      total_step: 50,
      init_r: 6,
      target_r: 2,
      lora_alpha: 12,
      orth_reg_weight: 0.25,
      target_modules: ['q_proj', 'down_proj'],
      layers_to_transform: [0],
    },
  },
  { ...classifier, name: 'adalora-bert', method: 'adalora', config: { task_type: 'SEQ_CLS', total_step: 10 } },
]

/** Ids that every model reads: two rows without padding. */
export const inputIds: readonly (readonly number[])[] = [
  [5, 17, 42, 8, 99, 23, 64, 11, 3],
  [77, 12, 30, 55, 9, 101, 48, 7, 66],
]

/** Steps of plain gradient descent, half on each side, from an adapter of the fixtures. */
export const training = { base: 'base/llama', adapter: 'lora/llama/default/adapter', steps: 6, learningRate: 0.05 }
