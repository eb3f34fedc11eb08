/** A Llama of a few thousand random weights with a tokenizer that has a chat template, as a folder or in memory, and rows to train on: for tests. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type Architecture,
  hostTensor,
  type ModelConfig,
  memorySource,
  ParameterScope,
  Random,
  type SourceLookup,
  sizeOf,
  type TaskType,
} from '@espalier/core'
import type { PromptCompletion } from '@espalier/data'
import { llama } from '@espalier/models'
import { memoryFolder, saveModel } from '@espalier/serialization'

const TOKENIZER = fileURLToPath(
  new URL('../../../tools/fixtures/subset/data/tokenizers/bytelevel-bpe/', import.meta.url),
)

/** config.json of the tiny model. */
export const TINY_CONFIG = {
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
  num_labels: 2,
}

/** The model's files in memory, or those of another family: a source by themselves. */
export async function tinyModelFiles(
  task: TaskType = 'CAUSAL_LM',
  { family, config }: { readonly family: Architecture; readonly config: ModelConfig } = {
    family: llama,
    config: TINY_CONFIG,
  },
): Promise<Map<string, Blob>> {
  const weights: SourceLookup = (path, shape, initial) => {
    const mean = initial !== undefined && 'fill' in initial ? initial.fill : 0
    const data = new Random(3).at(path).normal(sizeOf(shape), 0.3)
    return memorySource(
      hostTensor(
        'f32',
        shape,
        data.map((value) => value + mean),
      ),
    )
  }
  const folder = memoryFolder()
  await saveModel({ model: family.build(config, new ParameterScope(weights), task), config }, folder)
  const files = folder.toFiles()
  for (const name of ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja'])
    files.set(name, new Blob([readFileSync(join(TOKENIZER, name))]))
  return files
}

/** A temporary folder; with the tiny model's files when asked for. */
export async function temporaryFolder(
  options: { readonly model?: boolean } = {},
): Promise<{ readonly path: string; remove(): void }> {
  const path = mkdtempSync(join(tmpdir(), 'espalier-facade-'))
  if (options.model === true)
    for (const [name, blob] of await tinyModelFiles())
      writeFileSync(join(path, name), Buffer.from(await blob.arrayBuffer()))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** Rows that the tiny model can learn by heart. */
export const tinyRows: readonly PromptCompletion[] = Array.from({ length: 6 }, (_, i) => ({
  prompt: `say ${i}: `,
  completion: 'yes '.repeat(1 + (i % 3)),
}))
