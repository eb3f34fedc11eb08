/** Default targets and feed-forward layers by model type: the tables of PEFT 0.21, TRANSFORMERS_MODELS_TO_IA3_*_MODULES_MAPPING. */

/** What a model type's defaults are. */
export interface Ia3Defaults {
  readonly targets: readonly string[]
  readonly feedforward: readonly string[]
}

const families: readonly (readonly [targets: string, feedforward: string, modelTypes: string])[] = [
  ['k v wo', 'wo', 't5'],
  ['k v wi_1', '', 'mt5'],
  ['c_attn mlp.c_proj', 'mlp.c_proj', 'gpt2 gpt_bigcode'],
  ['query_key_value mlp.dense_4h_to_h', 'mlp.dense_4h_to_h', 'bloom'],
  ['query_key_value dense_4h_to_h', 'dense_4h_to_h', 'gpt_neox falcon RefinedWeb RefinedWebModel'],
  ['key value output.dense', 'output.dense', 'bert roberta'],
  ['q_proj k_proj fc2', 'fc2', 'opt'],
  ['q_proj v_proj fc2', 'fc2', 'bart phi'],
  ['q_proj v_proj fc_out', 'fc_out', 'gptj'],
  ['q_proj v_proj c_proj', 'c_proj', 'gpt_neo'],
  ['k_proj v_proj down_proj', 'down_proj', 'llama mistral'],
  ['q_proj v_proj down_proj', 'down_proj', 'llama4 gemma gemma2 gemma3_text qwen2 qwen3'],
  ['k_proj v_proj w2', 'w2', 'mixtral'],
  ['in_proj output.dense', 'output.dense', 'deberta'],
  ['key_proj value_proj output.dense', 'output.dense', 'deberta-v2'],
]

/** PEFT's defaults of a model type; undefined when it has none. */
export function defaultsOf(modelType: string): Ia3Defaults | undefined {
  const found = families.find(([, , modelTypes]) => modelTypes.split(' ').includes(modelType))
  if (found === undefined) return undefined
  const [targets, feedforward] = found
  return { targets: targets.split(' '), feedforward: feedforward === '' ? [] : feedforward.split(' ') }
}
