/** Every family with every head that it has, as tiny models that transformers writes: what is asked of Python, case by case. */
import type { Architecture, ModelConfig, TaskType } from '@espalier/core'
import { tinyFamilies } from '@espalier/models/fixtures/tiny-model.js'

/** One head of one tiny configuration. */
export interface FamilyCase {
  readonly name: string
  readonly architecture: Architecture
  readonly config: ModelConfig
  readonly task: TaskType
  /** The type of the checkpoint in half precision. */
  readonly half: 'bfloat16' | 'float16'
  /** transformers' implementation; its eager one adds the distances of Falcon twice. */
  readonly attention: 'eager' | 'sdpa'
  /** PEFT's arguments of the adapter that goes both ways; of one head a configuration. */
  readonly adapter?: Readonly<Record<string, unknown>>
  /** Tokens of greedy text. */
  readonly newTokens: number
}

/** Rows of one length, which end in what some families call the end of a sentence and hold no padding. */
export const inputIds: readonly (readonly number[])[] = [
  [5, 17, 42, 8, 99, 23, 64, 11, 2],
  [77, 12, 30, 55, 9, 101, 48, 7, 2],
]

const VOCABULARY = 131
const POSITIONS = 64 // more than what is read and made
const NEW_TOKENS = 32

/** A case for every head of every tiny configuration, so of every architecture. */
export const familyCases: readonly FamilyCase[] = tinyFamilies.flatMap(([architecture, tiny], i) => {
  const { modelType, tasks } = architecture
  const generates = tasks.find((task) => task === 'CAUSAL_LM' || task === 'SEQ_2_SEQ_LM')
  const adapted = generates ?? tasks.find((task) => task === 'SEQ_CLS')
  return tasks.map((task) => ({
    name: `${modelType} ${i} ${task}`,
    architecture,
    config: enlarged(tiny),
    task,
    attention: tiny.alibi === true ? ('sdpa' as const) : ('eager' as const),
    half: i % 2 === 0 ? ('bfloat16' as const) : ('float16' as const),
    ...(task === adapted ? { adapter: adapterOf(task) } : {}),
    newTokens: task === generates ? NEW_TOKENS : 0,
  }))
})

// DistilBERT's layer before its classifier: PEFT keeps it whole with the classifier, and so cannot adapt it.
function adapterOf(task: TaskType): Readonly<Record<string, unknown>> {
  const shared = { task_type: task, r: 2, lora_alpha: 3, target_modules: 'all-linear' }
  return task === 'SEQ_CLS' ? { ...shared, exclude_modules: ['pre_classifier'] } : shared
}

function enlarged(config: ModelConfig): ModelConfig {
  const places = Object.keys(config).filter((key) => /^(n_positions|max_position_embeddings)$/.test(key))
  return { ...config, vocab_size: VOCABULARY, ...Object.fromEntries(places.map((key) => [key, POSITIONS])) }
}
