/** What types a caller gets without writing any. Checked by the compiler; nothing runs. */
import {
  type Dataset,
  defineTuner,
  type EndEvent,
  type ErrorCode,
  EspalierError,
  type EvaluateEvent,
  type Generated,
  loadDataset,
  lora,
  type PeftModel,
  type PretrainedModel,
  type PromptCompletion,
  SFTTrainer,
  type StepEvent,
  type TrainingEvent,
  type TrainingResult,
  type TrainingRun,
} from 'espalier'
import { expectTypeOf } from 'vitest'
import { tiny } from './tiny-tuner.js'

declare const model: PeftModel
declare const base: PretrainedModel
declare const event: TrainingEvent
declare const run: TrainingRun
declare const caught: unknown

// A tuner's configuration is inferred from parse, and every field of it is optional when it is called.
expectTypeOf(tiny({ rank: 4 }).config).toEqualTypeOf<{
  rank: number
  targetModules: readonly string[] | string | null
}>()
expectTypeOf(tiny).toBeCallableWith({ rank: 4, targetModules: /.*q_proj/ })
expectTypeOf(tiny).toBeCallableWith()
// @ts-expect-error a field that parse does not give
tiny({ ranks: 4 })
// @ts-expect-error a field of another type
tiny({ rank: 'four' })
expectTypeOf(lora).toBeCallableWith({ r: 8, loraAlpha: 16, targetModules: 'all-linear', modulesToSave: ['score'] })
// @ts-expect-error LoRA's rank is a number
lora({ r: '8' })
lora({ taskType: 'CAUSAL_LM' })
// @ts-expect-error no task has this name
lora({ taskType: 'CAUSAL_LMX' })
defineTuner({
  kind: 'x',
  parse: () => ({ size: 1 }),
  fileKeys: {},
  create: ({ config }) => {
    expectTypeOf(config).toEqualTypeOf<{ size: number }>()
    return {}
  },
  merge: ({ weight, config }) => {
    expectTypeOf(config.size).toEqualTypeOf<number>()
    return weight
  },
})

// Events narrow by type.
if (event.type === 'step') expectTypeOf(event).toEqualTypeOf<StepEvent>()
if (event.type === 'evaluate') expectTypeOf(event).toEqualTypeOf<EvaluateEvent>()
if (event.type === 'end') expectTypeOf(event).toEqualTypeOf<EndEvent>()
expectTypeOf<TrainingEvent['type']>().toEqualTypeOf<
  'start' | 'step' | 'evaluate' | 'save' | 'warning' | 'pause' | 'resume' | 'end'
>()
expectTypeOf(run).toExtend<AsyncIterable<TrainingEvent>>()
expectTypeOf(run).toExtend<Promise<TrainingResult>>()

// Rows keep the type that their reader names, or that they have.
expectTypeOf(loadDataset<PromptCompletion>('train.jsonl')).toEqualTypeOf<Dataset<PromptCompletion>>()
expectTypeOf(loadDataset([{ text: 'a' }])).toEqualTypeOf<Dataset<{ text: string }>>()
expectTypeOf(SFTTrainer).toBeConstructibleWith({ model, trainDataset: loadDataset<PromptCompletion>('train.jsonl') })
expectTypeOf(SFTTrainer).toBeConstructibleWith({ model: base, trainDataset: [{ prompt: 'a', completion: 'b' }] })

expectTypeOf(model.disableAdapter(() => model.generate({ prompt: 'a' }))).toEqualTypeOf<Promise<Generated>>()
expectTypeOf(model.mergeAndUnload()).toEqualTypeOf<Promise<PretrainedModel>>()
expectTypeOf(model.peftConfig.default?.r).toEqualTypeOf<number | undefined>()
expectTypeOf(model.peftConfig.default?.peftType).toEqualTypeOf<string | undefined>()
expectTypeOf(base).toExtend<AsyncDisposable>()
expectTypeOf(model).toExtend<AsyncDisposable>()
if (EspalierError.isInstance(caught)) expectTypeOf(caught.code).toEqualTypeOf<ErrorCode>()
