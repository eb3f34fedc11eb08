/** What plain and adapted models share: a tree on a backend that can generate. */
import {
  type Backend,
  type CausalLM,
  EspalierError,
  type Model,
  type StateBinding,
  type WeightSet,
  weightRequests,
} from '@espalier/core'
import type { Tokenizer } from '@espalier/data'
import { generateTokens } from '@espalier/models'
import type { LoadedModel } from '@espalier/serialization'
import { loadTokenizer } from '../auto/auto-tokenizer.js'
import type { Generated, GeneratedPart, GenerateOptions } from './generation-options.js'
import type { OnLoadProgress } from './load-progress.js'
import { StopScanner } from './stop-strings.js'

const DEFAULT_NEW_TOKENS = 128

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

/** A model that runs: loaded files, a backend, and the tree of its present state. */
export abstract class RuntimeModel {
  private readonly weightSets = new Map<Model, Promise<WeightSet>>()
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
  abstract stateBindings(): Promise<readonly StateBinding[]>

  /** config.json as it was parsed. */
  get config(): Readonly<Record<string, unknown>> {
    return this.loaded.config
  }

  /** The tokenizer beside the model, loaded once. */
  tokenizer(): Promise<Tokenizer> {
    this.tokenizerPromise ??= this.findTokenizer()
    return this.tokenizerPromise
  }

  /** Uses another tokenizer than the one beside the model. */
  setTokenizer(tokenizer: Tokenizer): void {
    this.tokenizerPromise = Promise.resolve(tokenizer)
  }

  /** The tree's weights on the backend, loaded once. Throws safetensors.*, file.*, backend.*, or the signal's reason. */
  weights(options: WeightsOptions = {}): Promise<WeightSet> {
    const { model } = this
    const known = this.weightSets.get(model)
    if (known !== undefined) return known
    const { signal, onProgress = this.onProgress } = options
    const made = this.backend.loadWeights(weightRequests(model), {
      ...(signal === undefined ? {} : { signal }),
      ...(onProgress === undefined
        ? {}
        : {
            onProgress: (loadedBytes, totalBytes, file) =>
              onProgress({ phase: 'weights', file, loadedBytes, totalBytes }),
          }),
    })
    made.catch(() => this.weightSets.delete(model))
    this.weightSets.set(model, made)
    return made
  }

  /** Gives the loaded weights back; they are loaded again when they are needed. */
  protected releaseWeights(): void {
    for (const set of this.weightSets.values())
      set.then(
        (weights) => weights.release(),
        () => {},
      )
    this.weightSets.clear()
  }

  /** Generates to the end. Throws config.value, model.unsupported for models without a language-model head, or the signal's reason. */
  async generate(options: GenerateOptions): Promise<Generated> {
    let text = ''
    const tokenIds: number[] = []
    const stream = this.stream(options)
    while (true) {
      const { done, value } = await stream.next()
      if (done === true) return { text, tokenIds, ...value }
      text += value.text
      tokenIds.push(...value.tokenIds)
    }
  }

  /** Generates piece by piece. A piece never holds half a character. */
  async *generateStream(options: GenerateOptions): AsyncGenerator<GeneratedPart, void, void> {
    const stream = this.stream(options)
    try {
      while (true) {
        const { done, value } = await stream.next()
        if (done === true) return
        yield value
      }
    } finally {
      await stream.return({ promptTokens: 0, reason: 'stop' })
    }
  }

  private async *stream(
    options: GenerateOptions,
  ): AsyncGenerator<GeneratedPart, Pick<Generated, 'promptTokens' | 'reason'>, void> {
    const { model } = this
    if (model.task !== 'CAUSAL_LM')
      throw new EspalierError('model.unsupported', {
        what: 'only models with a language-model head generate',
        got: { task: model.task },
        fix: 'Load it with AutoModelForCausalLM',
      })
    options.signal?.throwIfAborted()
    const tokenizer = await this.tokenizer()
    const ids = promptIds(tokenizer, options)
    const eos = endTokens(this.loaded.generationConfig, tokenizer)
    const scanner = new StopScanner(options.stop ?? [])
    const detokenizer = tokenizer.detokenizer({ skipSpecialTokens: true })
    const {
      maxNewTokens = DEFAULT_NEW_TOKENS,
      doSample = false,
      temperature,
      topK,
      topP,
      repetitionPenalty,
      seed,
      signal,
    } = options
    const tokens = generateTokens(
      {
        model: model as CausalLM,
        backend: this.backend,
        weights: await this.weights({ signal }),
        state: await this.stateBindings(),
        eosTokenIds: eos,
        padTokenId: tokenizer.padTokenId ?? 0,
      },
      [ids],
      { maxNewTokens, doSample, temperature, topK, topP, repetitionPenalty, seed, signal },
    )
    let pending: number[] = []
    for await (const { token } of tokens) {
      if (eos.includes(token)) return finish('eos')
      pending.push(token)
      const text = scanner.push(detokenizer.push(token))
      if (text !== '' || scanner.stopped) {
        yield { text, tokenIds: pending }
        pending = []
      }
      if (scanner.stopped) return { promptTokens: ids.length, reason: 'stop' }
    }
    const rest = scanner.push(detokenizer.end()) + scanner.flush()
    if (rest !== '' || pending.length > 0) yield { text: rest, tokenIds: pending }
    return finish('length')

    function finish(reason: Generated['reason']): Pick<Generated, 'promptTokens' | 'reason'> {
      return { promptTokens: ids.length, reason }
    }
  }
}

function promptIds(tokenizer: Tokenizer, { prompt, messages, inputIds }: GenerateOptions): number[] {
  const given = [prompt, messages, inputIds].filter((value) => value !== undefined).length
  if (given !== 1)
    throw new EspalierError('config.value', {
      what: 'generate needs exactly one of prompt, messages and inputIds',
      got: { given },
    })
  const ids =
    inputIds ??
    (messages === undefined
      ? tokenizer.encode(prompt as string).inputIds
      : (tokenizer.applyChatTemplate(messages, { addGenerationPrompt: true, tokenize: true }) as readonly number[]))
  if (ids.length === 0)
    throw new EspalierError('config.value', { what: 'the prompt has no tokens', fix: 'Give at least one' })
  return [...ids]
}

function endTokens(generationConfig: Readonly<Record<string, unknown>>, tokenizer: Tokenizer): number[] {
  const configured = generationConfig.eos_token_id
  const ids = Array.isArray(configured)
    ? configured.filter((id) => typeof id === 'number')
    : typeof configured === 'number'
      ? [configured]
      : []
  return [...new Set([...ids, ...(tokenizer.eosTokenId === undefined ? [] : [tokenizer.eosTokenId])])]
}
