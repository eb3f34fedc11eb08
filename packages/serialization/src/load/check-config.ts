/**
 * What config.json says of sizes against what the weights hold, before a model is built: a layer count of a milliard would keep the
 * building busy for ever, and a width of one would fill the memory with tables. The exact shapes are checked while building.
 */
import { EspalierError } from '@espalier/core'

interface Shaped {
  readonly shape: readonly number[]
}

// The keys of transformers' configurations; each size is at most one dimension of some tensor.
const LAYER_KEYS = ['num_hidden_layers', 'n_layer']
const SIZE_KEYS = [
  'hidden_size',
  'n_embd',
  'intermediate_size',
  'n_inner',
  'vocab_size',
  'head_dim',
  'num_attention_heads',
  'n_head',
  'num_key_value_heads',
]
const LAYER = /(?:^|\.)(?:layers?|h|blocks?)\.(\d+)\./

/** Throws model.parameters when a configuration says more layers than the weights hold, or sizes beyond all of their dimensions. */
export function checkConfig(values: Readonly<Record<string, unknown>>, tensors: ReadonlyMap<string, Shaped>): void {
  const held = layerCount(tensors.keys())
  for (const key of LAYER_KEYS) {
    const said = values[key]
    if (held === 0 || typeof said !== 'number' || said <= held) continue
    throw new EspalierError('model.parameters', {
      what: 'the weights hold fewer layers than config.json says',
      got: { key, layers: said, held, missing: `the tensors of layers ${held} to ${said - 1}` },
      fix: 'Check that config.json belongs to the weights, and that every shard is there.',
    })
  }
  let largest = 0
  for (const { shape } of tensors.values())
    if (!shape.includes(0)) for (const size of shape) largest = Math.max(largest, size)
  for (const key of SIZE_KEYS) {
    const said = values[key]
    if (typeof said !== 'number' || said <= largest) continue
    throw new EspalierError('model.parameters', {
      what: 'config.json names a size that no tensor of the weights has',
      got: { key, value: said, largestDimension: largest },
      fix: 'Check that config.json belongs to the weights.',
    })
  }
}

const SHOWN = 5 // names in a warning

/** What to tell of tensors that nothing uses, as transformers does; empty when there are none but those it is silent about. */
export function unusedWarnings(unused: readonly string[]): string[] {
  const told = unused.filter((name) => !SILENT.test(name))
  if (told.length === 0) return []
  return [
    `the weights hold ${told.length} tensors that the model of config.json has no use for: ${told.slice(0, SHOWN).join(', ')}${told.length > SHOWN ? ', ...' : ''}`,
  ]
}

/** What to tell of parameters that start anew; empty when there are none. */
export function initialWarnings(initialized: readonly string[]): string[] {
  if (initialized.length === 0) return []
  return [
    `the checkpoint has no ${initialized.slice(0, SHOWN).join(', ')}${initialized.length > SHOWN ? ', ...' : ''}: they start at random values, and what the model says means nothing before it is trained`,
  ]
}

// Tables that older versions stored and newer ones compute, and heads of other tasks.
const SILENT =
  /(?:rotary_emb\.inv_freq|position_ids|\.attn\.(?:masked_)?bias|^(?:lm_head|cls|\w*predictions|generator_lm_head|vocab_\w+|sop_classifier|\w*classifier|score|qa_outputs)\..*|^(?:\w+\.)?pooler\..*)$/

/** How many layers names of tensors number: the highest number after the first list of layers in a name, plus one. */
function layerCount(names: Iterable<string>): number {
  let count = 0
  for (const name of names) {
    const index = LAYER.exec(name)?.[1]
    if (index !== undefined) count = Math.max(count, Number(index) + 1)
  }
  return count
}
