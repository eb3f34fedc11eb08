/** Every family with every head that it has, as tiny models that transformers writes: what is asked of Python, case by case. */
import type { Architecture, ModelConfig, TaskType } from '@espalier/core'
import { tinyConfig, tinyFamilies } from '@espalier/models/fixtures/tiny-model.js'

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
  /** transformers' class, where it is not the one that the task and the configuration name. */
  readonly className?: string
  /** PEFT's arguments of the adapter that goes both ways. */
  readonly adapter: Readonly<Record<string, unknown>>
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

// transformers' classes of the encoder alone.
const ENCODERS: Readonly<Record<string, string>> = { t5: 'T5EncoderModel', mt5: 'MT5EncoderModel' }

// Layers that PEFT keeps whole and so cannot adapt, though all-linear reaches them; in SEQ_CLS DistilBERT's, which is before the classifier.
const KEPT: Readonly<Partial<Record<TaskType, readonly string[]>>> = {
  SEQ_CLS: ['pre_classifier'],
  TOKEN_CLS: ['classifier', 'score'],
  QUESTION_ANS: ['qa_outputs'],
}

/** A case for every head of every tiny configuration, so of every architecture, and for the encoders of those with two sides alone. */
export const familyCases: readonly FamilyCase[] = tinyFamilies.flatMap(([architecture, tiny], i) => {
  const { modelType, tasks } = architecture
  const cases = tasks.map((task) => {
    const generates = task === 'CAUSAL_LM' || task === 'SEQ_2_SEQ_LM'
    return {
      name: `${modelType} ${i} ${task}`,
      architecture,
      config: tinyConfig(architecture, enlarged(tiny), task),
      task,
      attention: tiny.alibi === true ? ('sdpa' as const) : ('eager' as const),
      half: i % 2 === 0 ? ('bfloat16' as const) : ('float16' as const),
      adapter: adapterOf(task),
      newTokens: generates ? NEW_TOKENS : 0,
    }
  })
  const encoder = ENCODERS[modelType]
  return cases.flatMap((each) =>
    encoder !== undefined && each.task === 'FEATURE_EXTRACTION'
      ? [each, { ...each, name: `${each.name} ${encoder}`, className: encoder }]
      : [each],
  )
})

// PEFT has no name for MASKED_LM.
function adapterOf(task: TaskType): Readonly<Record<string, unknown>> {
  const type = task === 'MASKED_LM' ? {} : { task_type: task }
  const kept = KEPT[task]
  const excluded = kept === undefined ? {} : { exclude_modules: kept }
  return { ...type, r: 2, lora_alpha: 3, target_modules: 'all-linear', ...excluded }
}

function enlarged(config: ModelConfig): ModelConfig {
  const places = Object.keys(config).filter((key) => /^(n_positions|max_position_embeddings)$/.test(key))
  return { ...config, vocab_size: VOCABULARY, ...Object.fromEntries(places.map((key) => [key, POSITIONS])) }
}
