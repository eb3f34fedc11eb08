/** Every key of transformers' GenerationConfig: what is read of it, what is refused, and what changes no text. */

/** What a value is, as JSON. */
export type SettingKind = 'number' | 'boolean' | 'array' | 'number or array' | 'boolean or string'

type Kinds = Readonly<Record<string, SettingKind>>

/** What changes logits, and so every text. */
export const PROCESSING: Kinds = {
  repetition_penalty: 'number',
  encoder_repetition_penalty: 'number',
  no_repeat_ngram_size: 'number',
  encoder_no_repeat_ngram_size: 'number',
  bad_words_ids: 'array',
  sequence_bias: 'array',
  min_length: 'number',
  min_new_tokens: 'number',
  forced_bos_token_id: 'number',
  forced_eos_token_id: 'number or array',
  exponential_decay_length_penalty: 'array',
  suppress_tokens: 'array',
  begin_suppress_tokens: 'array',
  renormalize_logits: 'boolean',
}

/** How beams are searched. */
export const BEAMS: Kinds = {
  num_beams: 'number',
  length_penalty: 'number',
  early_stopping: 'boolean or string',
}

/** What only a draw depends on. */
export const SAMPLING: Kinds = {
  temperature: 'number',
  top_k: 'number',
  top_p: 'number',
  min_p: 'number',
  typical_p: 'number',
  epsilon_cutoff: 'number',
  eta_cutoff: 'number',
}

/** How long texts become. */
export const LENGTHS: Kinds = { max_new_tokens: 'number', max_length: 'number' }

/** Read where they are needed. */
export const READ = [
  'do_sample',
  'num_return_sequences',
  'stop_strings',
  'pad_token_id',
  'bos_token_id',
  'eos_token_id',
  'decoder_start_token_id',
] as const

type Values = Readonly<Record<string, readonly unknown[]>>

/** Settings that change the text and are not there, each with the values that change nothing. */
export const ABSENT: Values = {
  num_beam_groups: [1],
  diversity_penalty: [0],
  penalty_alpha: [0],
  dola_layers: [],
  constraints: [],
  force_words_ids: [],
  guidance_scale: [1],
  watermarking_config: [],
  token_healing: [false],
  max_time: [],
  is_assistant: [false],
  prompt_lookup_num_tokens: [],
  assistant_early_exit: [],
  assistant_ensemble_weight: [],
  speculation_type: [],
  use_mtp: [false],
  low_memory: [false],
  // Caches of all kinds hold the same numbers, except those with fewer bits.
  cache_implementation: [
    ...['dynamic', 'static', 'offloaded', 'offloaded_static', 'paged'],
    ...['sliding_window', 'hybrid', 'hybrid_chunked', 'offloaded_hybrid', 'offloaded_hybrid_chunked'],
  ],
}

/** The same of draws alone. */
export const ABSENT_SAMPLING: Values = { top_h: [] }

/** What changes no text: how Python stores, compiles and returns, and settings of an assistant that is not there. */
export const IDLE: readonly string[] = [
  ...['use_cache', 'cache_config', 'max_cache_len', 'prefill_chunk_size'],
  ...['compile_config', 'disable_compile', 'continuous_batching_config'],
  ...['output_attentions', 'output_hidden_states', 'output_scores', 'output_logits', 'return_dict_in_generate'],
  ...['num_assistant_tokens', 'num_assistant_tokens_schedule', 'assistant_confidence_threshold'],
  ...['max_matching_ngram_size', 'assistant_lookbehind', 'target_lookbehind'],
  'remove_invalid_values', // logits that are no numbers are an error here
  ...['_from_model_config', 'transformers_version'],
]

/** A key as the option of that name. */
export function optionName(key: string): string {
  return key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
