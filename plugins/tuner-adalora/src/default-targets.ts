/** Default target modules by model type: the table of PEFT 0.21, TRANSFORMERS_MODELS_TO_ADALORA_TARGET_MODULES_MAPPING. */

const families: readonly (readonly [targets: readonly string[] | string, modelTypes: string])[] = [
  [['q', 'k', 'v', 'o', 'wi', 'wo'], 't5'],
  [['q', 'k', 'v', 'o', 'wi_0', 'wi_1', 'wo'], 'mt5'],
  [['q_proj', 'k_proj', 'v_proj', 'out_proj', 'fc1', 'fc2'], 'bart opt'],
  [['c_attn'], 'gpt2 gpt_bigcode'],
  [['query_key_value'], 'bloom gpt_neox'],
  [['q_proj', 'v_proj'], 'gptj gpt_neo llama llama4 gemma gemma2 gemma3_text qwen2 qwen3'],
  [['query', 'value'], 'bert'],
  [['query', 'key', 'value', 'dense'], 'roberta'],
  [['query_proj', 'key_proj', 'value_proj', 'dense'], 'deberta-v2'],
  [['in_proj'], 'deberta'],
  [['q_proj', 'k_proj', 'v_proj', 'o_proj'], 'nemotron_h'],
  ['.*language_model\\..*\\.(q_proj|v_proj)', 'gemma4'],
]

/** PEFT's default targets of a model type: a list of names, or a pattern; undefined when it has none. */
export function defaultTargets(modelType: string): readonly string[] | string | undefined {
  return families.find(([, modelTypes]) => modelTypes.split(' ').includes(modelType))?.[0]
}
