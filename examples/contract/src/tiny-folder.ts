/** A folder with a Llama of random weights and a tokenizer, in place of a model from the hub. */
import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { initialValues, ParameterScope, Random } from '@espalier/core'
import { llama } from '@espalier/models'
import { saveModel } from '@espalier/serialization'

const TOKENIZER = fileURLToPath(
  new URL('../../../tools/fixtures/subset/data/tokenizers/bytelevel-bpe/', import.meta.url),
)

const config = {
  model_type: 'llama',
  architectures: ['LlamaForCausalLM'],
  vocab_size: 600,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  rms_norm_eps: 1e-5,
  max_position_embeddings: 128,
  tie_word_embeddings: true,
}

/** Writes the model's files, and rows to train on as train.jsonl, to a folder that exists. */
export async function writeTinyFolder(folder: string): Promise<void> {
  const model = llama.build(config, new ParameterScope(initialValues(new Random(3))), 'CAUSAL_LM')
  await saveModel({ model, config }, folder)
  for (const name of ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja'])
    copyFileSync(join(TOKENIZER, name), join(folder, name))
  const rows = Array.from({ length: 12 }, (_, i) => ({ prompt: `say ${i}: `, completion: i % 2 === 0 ? 'yes' : 'no' }))
  writeFileSync(join(folder, 'train.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
}
