/** What plain and adapted models share: a tree on a backend that can generate. */
import {
  type Backend,
  EspalierError,
  type Hold,
  LanguageModel,
  type Model,
  type Shared,
  type StateSet,
  sharedIn,
  type WeightSet,
  weightRequests,
} from '@espalier/core'
import type { Tokenizer } from '@espalier/data'
import { classifyRows } from '@espalier/models'
import type { LoadedModel } from '@espalier/serialization'
import { loadTokenizer } from '../auto/auto-tokenizer.js'
import { generateTexts, streamText, type TextSource } from './generate-text.js'
import type { GenerateBatchOptions, Generated, GeneratedPart, GenerateOptions } from './generation-options.js'
import { asksForList, requireOneText } from './generation-prompts.js'
import { checkGenerateOptions } from './known-generation-options.js'
import { requireTokenizer } from './known-model-options.js'
import type { OnLoadProgress } from './load-progress.js'
import type { RunnableModel } from './runnable-model.js'
import {
  type ClassificationInput,
  classificationRows,
  type Prediction,
  type PredictOptions,
  predictionOf,
} from './text-classification.js'

/** What a model may be given beside its files. */
export interface RuntimeOptions {
  /** Asked when a tokenizer is needed first; without it the files beside the model are read. */
  readonly tokenizer?: (() => Promise<Tokenizer>) | undefined
  readonly onProgress?: OnLoadProgress | undefined
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

  constructor(
    /** Configuration, files and architecture of the base. */
    readonly loaded: LoadedModel,
    readonly backend: Backend,
    options: RuntimeOptions = {},
  ) {
    this.findTokenizer = options.tokenizer ?? (() => loadTokenizer(loaded.files))
    this.onProgress = options.onProgress
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
    const found = await this.logitsOf(typeof given === 'string' ? [given] : given, options)
    return typeof given === 'string' ? (found[0] as Float32Array) : found
  }

  private async logitsOf(
    inputs: readonly ClassificationInput[],
    options: PredictOptions,
  ): Promise<readonly Float32Array[]> {
    const { model } = this
    const rows = await classificationRows(inputs, () => this.tokenizer(), model.sizes.maxPositions, options)
    const { signal } = options
    const held = this.hold({ signal })
    try {
      return await classifyRows({ ...(await held.ready), padTokenId: this.padding(model) }, rows, { signal })
    } finally {
      held.release()
    }
  }

  /** The label of a text with its score, and all scores: transformers' text-classification pipeline. Throws what `logits` throws. */
  async predict(input: string, options?: PredictOptions): Promise<Prediction>
  /** The same for several texts, pairs of texts or rows of ids. */
  async predict(inputs: readonly ClassificationInput[], options?: PredictOptions): Promise<Prediction[]>
  async predict(
    given: string | readonly ClassificationInput[],
    options: PredictOptions = {},
  ): Promise<Prediction | Prediction[]> {
    const found = await this.logitsOf(typeof given === 'string' ? [given] : given, options)
    const predictions = found.map((logits) => predictionOf(logits, this.loaded.labels, this.config))
    return typeof given === 'string' ? (predictions[0] as Prediction) : predictions
  }

  // A head on the last token finds it by the id that config.json names; elsewhere the mask alone tells padding.
  private padding(model: Model): number | undefined {
    const { pad_token_id: named } = this.config
    return typeof named === 'number' ? named : model.causal ? undefined : 0
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
