/** What others call the sizes of GPT-2 and of those that take its names. */
export const gpt2Aliases = {
  hidden_size: 'n_embd',
  num_attention_heads: 'n_head',
  num_hidden_layers: 'n_layer',
  max_position_embeddings: 'n_positions',
} as const
