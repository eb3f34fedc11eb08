/** Default target modules by model type: the table of PEFT 0.21, TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING. */

const targetsOfFamilies: readonly (readonly [targets: readonly string[] | string, modelTypes: string])[] = [
  [
    ['q_proj', 'v_proj'],
    'bart opt gptj gpt_neo llama llama4 mistral mixtral stablelm gemma gemma2 gemma3_text qwen2 qwen3',
  ],
  [['q', 'v'], 't5 mt5'],
  [['q', 'v', 'q_proj', 'v_proj'], 'blip-2'],
  [['query', 'value'], 'bert roberta xlm-roberta electra layoutlm'],
  [['query_key_value'], 'bloom gpt_neox chatglm RefinedWebModel RefinedWeb falcon'],
  [['c_attn'], 'gpt2 gpt_bigcode'],
  [['c_proj', 'c_attn'], 'btlm'],
  [['q_proj', 'v_proj', 'fc1', 'fc2'], 'phi'],
  [['query_proj', 'value_proj'], 'deberta-v2'],
  [['in_proj'], 'deberta'],
  [['Wqkv'], 'mpt'],
  [['qkv_proj'], 'codegen'],
  [['q_proj', 'k_proj', 'v_proj', 'o_proj'], 'nemotron_h'],
  [['key', 'value', 'receptance', 'output'], 'rwkv'],
  [['r_proj', 'k_proj', 'v_proj', 'o_proj', 'key', 'value'], 'rwkv7'],
  ['.*language_model\\..*\\.(q_proj|v_proj)', 'gemma4'],
]

/** PEFT's default targets of a model type: a list of names, or a pattern; undefined when it has none. */
export function defaultLoraTargets(modelType: string): readonly string[] | string | undefined {
  return targetsOfFamilies.find(([, modelTypes]) => modelTypes.split(' ').includes(modelType))?.[0]
}
