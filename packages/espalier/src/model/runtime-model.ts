/** What plain and adapted models share: a tree on a backend that can generate. */
import type { CheckpointingOptions } from '@espalier/checkpointing'
import {
  type Backend,
  EspalierError,
  type Hold,
  LanguageModel,
  type Model,
  requireAwaited,
  type Shared,
  type StateSet,
  sharedIn,
  type WeightSet,
  weightRequests,
} from '@espalier/core'
import type { Tokenizer } from '@espalier/data'
import type { LoadedModel } from '@espalier/serialization'
import type { Answer } from '../answers/choose-answers.js'
import { loadTokenizer } from '../auto/auto-tokenizer.js'
import type { QuestionInput } from './answered-questions.js'
import type { Embedding, EmbeddingInput } from './embedded-texts.js'
import type { MaskCandidate, MaskedInput } from './filled-masks.js'
import { generateTexts, streamText, type TextSource } from './generate-text.js'
import type { GenerateBatchOptions, Generated, GeneratedPart, GenerateOptions } from './generation-options.js'
import { asksForList, requireOneText } from './generation-prompts.js'
import { checkGenerateOptions } from './known-generation-options.js'
import { requireTokenizer } from './known-model-options.js'
import type { WordLabels, WordsInput } from './labelled-words.js'
import type { OnLoadProgress } from './load-progress.js'
import { type Predicted, type PredictInput, predictAll } from './predict-inputs.js'
import { checkPredictOptions, type PredictContext, type PredictOptions } from './predict-options.js'
import type { RunnableModel } from './runnable-model.js'
import { type ClassificationInput, type Prediction, textLogits } from './text-classification.js'

/** What a model may be given beside its files. */
export interface RuntimeOptions {
  /** Asked when a tokenizer is needed first; without it the files beside the model are read. */
  readonly tokenizer?: (() => Promise<Tokenizer>) | undefined
  readonly onProgress?: OnLoadProgress | undefined
  /** What runs make again in the backward pass unless their arguments say otherwise. */
  readonly gradientCheckpointing?: CheckpointingOptions | undefined
}

/** Options of loading weights; the progress goes to whoever loaded the model unless another is given. */
export interface WeightsOptions {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: OnLoadProgress | undefined
}

/** A state that stays usable, whatever becomes of the model, until it is released. */
export interface HeldModel {
  readonly model: Model
  /** Rejects with safetensors.*, file.*, backend.*, or the signal's reason. */
  readonly ready: Promise<RunnableModel>
  release(): void
}

/** A set that holds state slots, and their prefix. */
export interface HeldState {
  readonly set: Hold<StateSet>
  readonly prefix: string
}

/**
 * A model that runs: loaded files, a backend, and the tree of its present state. It owns the weights of its trees; work that takes a
 * while holds them, so a change of the model never takes them away from it.
 */
export abstract class RuntimeModel {
  private readonly weightSets = new Map<Model, Shared<WeightSet>>()
  private tokenizerPromise: Promise<Tokenizer> | undefined
  private readonly findTokenizer: () => Promise<Tokenizer>
  private readonly onProgress: OnLoadProgress | undefined
  /** What runs on it make again in the backward pass unless their arguments say otherwise: see `prepareModelForKbitTraining`. */
  readonly gradientCheckpointing: CheckpointingOptions | undefined

  constructor(
    /** Configuration, files and architecture of the base. */
    readonly loaded: LoadedModel,
    readonly backend: Backend,
    options: RuntimeOptions = {},
  ) {
    this.findTokenizer = options.tokenizer ?? (() => loadTokenizer(loaded.files))
    this.onProgress = options.onProgress
    this.gradientCheckpointing = options.gradientCheckpointing
  }

  /** The module tree of the present state. */
  abstract get model(): Model

  /** State slots of that tree. */
  protected abstract holdStates(): readonly HeldState[]

  /** config.json as it was parsed. */
  get config(): Readonly<Record<string, unknown>> {
    return this.loaded.config
  }

  /** The tokenizer beside the model, loaded once. */
  tokenizer(): Promise<Tokenizer> {
    this.tokenizerPromise ??= this.findTokenizer()
    return this.tokenizerPromise
  }

  /** Uses another tokenizer than the one beside the model. Throws config.value for what is none. */
  setTokenizer(tokenizer: Tokenizer): void {
    requireTokenizer(tokenizer)
    this.tokenizerPromise = Promise.resolve(tokenizer)
  }

  /**
   * The present state, for work that takes a while: switched adapters, changed values and merges of later do not reach it. Whoever
   * was given it releases it.
   */
  hold(options: WeightsOptions = {}): HeldModel {
    const { model, backend } = this
    const [weights, states] = [this.holdWeights(options), this.holdStates()]
    const ready = Promise.all([
      weights.value,
      Promise.all(states.map(async ({ set, prefix }) => ({ set: await set.value, prefix }))),
    ]).then(([set, state]) => ({ model, backend, weights: set, state }))
    ready.catch(() => {}) // whoever waits for it is told
    return {
      model,
      ready,
      release() {
        for (const { release } of [weights, ...states.map(({ set }) => set)]) release()
      },
    }
  }

  /**
   * The tree's weights on the backend, loaded once; the signal ends this caller's waiting, and loading when nobody else waits. They are
   * the model's: `hold` keeps them longer than its present state lasts. Throws safetensors.*, file.*, backend.*, or the signal's reason.
   */
  async weights(options: WeightsOptions = {}): Promise<WeightSet> {
    const { value, release } = this.holdWeights(options)
    try {
      return await value
    } finally {
      release()
    }
  }

  /** @internal One more user of the tree's weights. */
  holdWeights({ signal, onProgress = this.onProgress }: WeightsOptions = {}): Hold<WeightSet> {
    const { model } = this
    const weights = sharedIn(this.weightSets, model, () => ({
      make: (stop) =>
        this.backend.loadWeights(weightRequests(model), {
          signal: stop,
          ...(onProgress === undefined
            ? {}
            : {
                onProgress: (loadedBytes, totalBytes, file) =>
                  onProgress({ phase: 'weights', file, loadedBytes, totalBytes }),
              }),
        }),
      release: (set) => set.release(),
      keep: true,
    }))
    return weights.hold(signal)
  }

  /** Gives the loaded weights back, each when nothing that runs holds it; they are loaded again when they are needed. */
  protected dropWeights(): void {
    for (const set of [...this.weightSets.values()]) set.drop()
    this.weightSets.clear()
  }

  /**
   * Logits of a text by label, of a model with a head for whole texts; a longer text than it can read is cut. With the model as it is now.
   * Throws model.unsupported for other models, config.value, tokenizer.*, or the signal's reason.
   */
  async logits(input: string, options?: PredictOptions): Promise<Float32Array>
  /** The same for several texts, pairs of texts or rows of ids: one array for each. */
  async logits(inputs: readonly ClassificationInput[], options?: PredictOptions): Promise<readonly Float32Array[]>
  async logits(
    given: string | readonly ClassificationInput[],
    options: PredictOptions = {},
  ): Promise<Float32Array | readonly Float32Array[]> {
    checkPredictOptions(options)
    requireAwaited('inputs', given)
    const inputs = typeof given === 'string' ? [given] : given
    const found = await this.predicting(options, (context) => textLogits(context, inputs, options))
    return typeof given === 'string' ? (found[0] as Float32Array) : found
  }

  /**
   * What the model's head says, with the model as it is now: the label of a text with its score, and all scores, as transformers'
   * text-classification pipeline. Throws config.*, model.unsupported for inputs of another head, tokenizer.*, or the signal's reason.
   */
  async predict(input: string, options?: PredictOptions): Promise<Prediction>
  /** The answer to a question about a text, chosen as transformers' run_qa does. */
  async predict(input: QuestionInput, options?: PredictOptions): Promise<Answer>
  /** A label for each word. */
  async predict(input: WordsInput, options?: PredictOptions): Promise<WordLabels>
  /** For each mask token of a text what may stand in its place, as transformers' fill-mask pipeline. */
  async predict(input: MaskedInput, options?: PredictOptions): Promise<MaskCandidate[][]>
  /** The vector of a text, of a model without a head. */
  async predict(input: EmbeddingInput, options?: PredictOptions): Promise<Embedding>
  /** Answers to several questions. */
  async predict(inputs: readonly QuestionInput[], options?: PredictOptions): Promise<Answer[]>
  /** Labels of the words of several texts. */
  async predict(inputs: readonly WordsInput[], options?: PredictOptions): Promise<WordLabels[]>
  /** The same for several texts with masks. */
  async predict(inputs: readonly MaskedInput[], options?: PredictOptions): Promise<MaskCandidate[][][]>
  /** Vectors of several texts. */
  async predict(inputs: readonly EmbeddingInput[], options?: PredictOptions): Promise<Embedding[]>
  /** The same for several texts, pairs of texts or rows of ids. */
  async predict(inputs: readonly ClassificationInput[], options?: PredictOptions): Promise<Prediction[]>
  async predict(
    given: PredictInput | readonly PredictInput[],
    options: PredictOptions = {},
  ): Promise<Predicted | readonly Predicted[]> {
    requireAwaited('inputs', given)
    const isOne = typeof given === 'string' || (typeof given === 'object' && given !== null && !Array.isArray(given))
    const inputs = (isOne ? [given] : given) as readonly PredictInput[]
    const found = await this.predicting(options, (context) => predictAll(context, inputs, options))
    return isOne ? (found[0] as Predicted) : found
  }

  private async predicting<T>(
    { signal }: PredictOptions,
    predict: (context: PredictContext) => Promise<T>,
  ): Promise<T> {
    const { model, config } = this
    const held = this.hold({ signal })
    try {
      return await predict({
        model,
        source: async () => ({ ...(await held.ready), padTokenId: this.padding(model) }),
        tokenizer: () => this.tokenizer(),
        labels: this.loaded.labels,
        config,
      })
    } finally {
      held.release()
    }
  }

  // A head on the last token finds it by the id that config.json names; elsewhere the mask alone tells padding.
  private padding(model: Model): number | undefined {
    const { pad_token_id: named } = this.config
    return typeof named === 'number' ? named : model.causal && model.task === 'SEQ_CLS' ? undefined : 0
  }

  /** Generates to the end, with the model as it is now. Throws config.*, model.unsupported for models without a language-model head, or the signal's reason. */
  async generate(options: GenerateOptions): Promise<Generated>
  /**
   * The same for a list of prompts, in one batch, and for several texts of each: those of the first prompt, then those of the second, beams
   * best first. As in transformers, what looks back at tokens (penalties, n-grams, minLength) also sees the padding before shorter prompts.
   */
  async generate(options: GenerateBatchOptions): Promise<Generated[]>
  async generate(options: GenerateOptions | GenerateBatchOptions): Promise<Generated | Generated[]> {
    const held = this.holdToGenerate(options)
    try {
      const source = await this.textSource(held)
      if (asksForList(options)) return await generateTexts(source, options)
      let text = ''
      const tokenIds: number[] = []
      const stream = streamText(source, options)
      while (true) {
        const { done, value } = await stream.next()
        if (done === true) return { text, tokenIds, ...value }
        text += value.text
        tokenIds.push(...value.tokenIds)
      }
    } finally {
      held.release()
    }
  }

  /** Generates piece by piece, with the model as it is now; leaving the loop, or `return`, ends it. A piece never holds half a character. */
  generateStream(options: GenerateOptions): AsyncGenerator<GeneratedPart, void, void> {
    const parts = this.parts(options)
    void parts.next() // takes the state; from here on `return` releases it, also before the first part
    return parts
  }

  private async *parts(options: GenerateOptions): AsyncGenerator<GeneratedPart, void, void> {
    const held = this.triedToHold(options)
    try {
      yield { text: '', tokenIds: [] } // generateStream's own
      if ('failure' in held) throw held.failure
      yield* streamText(await this.textSource(held), options)
    } finally {
      if (!('failure' in held)) held.release()
    }
  }

  // A stream tells of failures at its first part.
  private triedToHold(options: GenerateOptions): HeldModel | { readonly failure: unknown } {
    try {
      requireOneText(options)
      return this.holdToGenerate(options)
    } catch (failure) {
      return { failure }
    }
  }

  private holdToGenerate(options: GenerateOptions | GenerateBatchOptions): HeldModel {
    checkGenerateOptions(options)
    const { model } = this
    const { signal } = options
    if (!(model instanceof LanguageModel))
      throw new EspalierError('model.unsupported', {
        what: 'only models with a language-model head generate',
        got: { task: model.task },
        fix: 'Load it with AutoModelForCausalLM or AutoModelForSeq2SeqLM',
      })
    signal?.throwIfAborted()
    return this.hold({ signal })
  }

  private async textSource({ ready }: HeldModel): Promise<TextSource> {
    return { tokenizer: await this.tokenizer(), file: this.loaded.generationConfig, ready }
  }
}
