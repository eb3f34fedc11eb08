/** What an old config.json says of generation: the keys of transformers' GenerationConfig. */

const KEYS: ReadonlySet<string> = new Set(
  `max_length max_new_tokens min_length min_new_tokens early_stopping max_time stop_strings do_sample num_beams temperature top_k top_p
  min_p top_h typical_p epsilon_cutoff eta_cutoff repetition_penalty encoder_repetition_penalty length_penalty no_repeat_ngram_size
  bad_words_ids renormalize_logits forced_bos_token_id forced_eos_token_id remove_invalid_values exponential_decay_length_penalty
  suppress_tokens begin_suppress_tokens sequence_bias token_healing guidance_scale watermarking_config num_return_sequences
  pad_token_id bos_token_id eos_token_id encoder_no_repeat_ngram_size decoder_start_token_id penalty_alpha dola_layers
  diversity_penalty num_beam_groups constraints force_words_ids`.split(/\s+/),
)

/** The settings of generation in a config.json, as `GenerationConfig.from_model_config` takes them: null means not set. */
export function generationKeys(config: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const named = Object.entries(config).filter(([key, value]) => KEYS.has(key) && value != null)
  const old = config.force_bos_token_to_be_generated === true && config.bos_token_id != null
  return { ...Object.fromEntries(named), ...(old ? { forced_bos_token_id: config.bos_token_id } : {}) }
}
