/**
 * A base model with adapters: PEFT's PeftModel without files and devices. The base tree is never changed; every state (which adapters
 * are active, disabled, merged) is another tree that shares its weights.
 */
import type { HostTensor } from '../dtype.js'
import { EspalierError } from '../errors.js'
import { requireAwaited } from '../known-options.js'
import type { Model } from '../model/model.js'
import { type Adaptable, isAdaptable } from '../module/adaptable.js'
import { parameterCount } from '../module/packed.js'
import { namedModules } from '../module/tree.js'
import type { AdapterPart } from '../tuner/adapted-layer.js'
import type { Adapter } from '../tuner/adapter.js'
import type { ConfiguredTuner } from '../tuner/families.js'
import { adaptedTree, mergePrefix, partsOf, slotPrefix } from './adapted-tree.js'
import type { BaseModel, TrainableModel } from './base-model.js'
import { type AddAdapterOptions, createAdapter } from './create-adapter.js'
import { trainableAdapters } from './trainable-adapters.js'
import { biasOf, withTrainedBiases } from './trained-biases.js'
import { withValues } from './weights.js'

/** Options of `setAdapter`. */
export interface SetAdapterOptions {
  /** true: nothing trains. Default false. */
  readonly inferenceMode?: boolean
}

/** A layer to merge adapters into. */
export interface MergeSite {
  readonly path: string
  readonly layer: Adaptable
  readonly parts: readonly AdapterPart[]
}

/** A base model with named adapters. One or more may be active; they compose. */
export class AdaptedModel {
  private readonly adapters = new Map<string, Adapter>()
  private active: readonly string[] = []
  private trained: ReadonlySet<string> = new Set()
  private enabled = true
  private mergedNames: readonly string[] = []
  private mergedWeights: ReadonlyMap<string, HostTensor> = new Map()
  private readonly trees = new Map<string, Model>()

  constructor(readonly base: BaseModel) {}

  /** All adapters, in the order they were added. */
  get adapterNames(): readonly string[] {
    return [...this.adapters.keys()]
  }

  /** Names of the active adapters. */
  get activeAdapters(): readonly string[] {
    return this.active
  }

  /** Names of the adapters whose tensors train: PEFT's requires_grad. None while adapters are disabled. */
  get trainedAdapters(): readonly string[] {
    return this.enabled ? [...this.trained] : []
  }

  /** Names of the merged adapters. */
  get mergedAdapters(): readonly string[] {
    return this.mergedNames
  }

  /** Whether adapters take part in the forward pass. */
  get isEnabled(): boolean {
    return this.enabled
  }

  /** An adapter. Throws adapter.name, listing those that exist. */
  adapter(name: string): Adapter {
    const found = this.adapters.get(name)
    if (found === undefined)
      throw new EspalierError('adapter.name', {
        what: 'no adapter has this name',
        got: { name, adapters: this.adapterNames },
      })
    return found
  }

  /** Adds an adapter; the first one becomes active. Nothing changes when it throws: adapter.name, target.none, target.unsupported, config errors. */
  addAdapter(name: string, configured: ConfiguredTuner, options: AddAdapterOptions = {}): Adapter {
    if (this.adapters.has(name))
      throw new EspalierError('adapter.name', {
        what: 'an adapter of this name exists',
        got: { name },
        fix: 'Use another name, or delete it first',
      })
    if (name === '' || /[/\\]|^\.+$/.test(name))
      throw new EspalierError('adapter.name', {
        what: 'an adapter’s name becomes a folder; it cannot be empty or hold slashes',
        got: { name },
      })
    const { tuner } = configured
    if (tuner.family !== 'layer')
      throw new EspalierError('config.unsupported', {
        what: 'this family of tuners cannot be attached yet',
        got: { kind: tuner.kind, family: tuner.family },
      })
    const first = this.adapters.values().next().value
    if (first !== undefined && first.tuner.kind !== tuner.kind) {
      throw new EspalierError('adapter.state', {
        what: 'all adapters of a model are of one method',
        got: { name, kind: tuner.kind, existing: first.tuner.kind },
      })
    }
    const made = createAdapter(this.base, { name, tuner, configured, options })
    requireOneWithBiases([...this.adapters.values(), made])
    this.adapters.set(name, made)
    if (options.isTrainable ?? (first === undefined && !made.metadata.inferenceMode))
      this.trained = new Set([...this.trained, name])
    if (this.active.length === 0) this.active = [name]
    this.trees.clear()
    return made
  }

  /** Chooses the active adapters; they alone train from now on, none with inferenceMode. Throws adapter.name; adapter.state when they do not go together or something is merged. */
  setAdapter(names: string | readonly string[], options: SetAdapterOptions = {}): void {
    requireAwaited('names', names)
    const list = typeof names === 'string' || !Array.isArray(names) ? [names as string] : [...names]
    const adapters = list.map((name) => this.adapter(name))
    this.requireUnmerged('switched')
    requireSeparate(adapters)
    this.active = list
    this.trained = new Set(options.inferenceMode === true ? [] : list)
  }

  /** Lets adapters take part in the forward pass or not. */
  setEnabled(enabled: boolean): void {
    this.enabled = enabled
  }

  /** Removes an adapter; when it was the only active one the first remaining one becomes active, and trains. Throws adapter.name, adapter.state when it is merged. */
  deleteAdapter(name: string): void {
    const adapter = this.adapter(name)
    if (this.mergedNames.includes(name))
      throw new EspalierError('adapter.state', {
        what: 'a merged adapter cannot be deleted',
        got: { name },
        fix: 'Unmerge first',
      })
    adapter.release()
    this.adapters.delete(name)
    const left = this.active.filter((other) => other !== name)
    const next = [...this.adapters.keys()].sort()[0]
    this.active = left.length > 0 || next === undefined ? left : [next]
    this.trained = new Set(left.length > 0 ? [...this.trained].filter((other) => other !== name) : this.active)
    this.trees.clear()
  }

  /** The tree of the present state. Active adapter i keeps its tensors in state slots `adapter<i>:<key>`. */
  get model(): Model {
    // No name holds a slash, so no adapter is mistaken for a state.
    const key = !this.enabled ? '/base' : this.mergedNames.length > 0 ? '/merged' : this.active.join('/')
    const known = this.trees.get(key)
    if (known !== undefined) return known
    const made = !this.enabled
      ? this.base.model
      : this.mergedNames.length > 0
        ? withValues(this.base.model, this.mergedWeights)
        : adaptedTree(
            this.base.model,
            this.active.map((name) => this.adapter(name)),
          )
    this.trees.set(key, made)
    return made
  }

  /** Active adapters with the prefix of their slots; none while disabled or merged. */
  get boundAdapters(): readonly { readonly adapter: Adapter; readonly prefix: string }[] {
    if (!this.enabled || this.mergedNames.length > 0) return []
    return this.active.map((name, index) => ({ adapter: this.adapter(name), prefix: slotPrefix(index) }))
  }

  /** The active adapters as something to train. Throws adapter.state when there is none, or it is merged or disabled. */
  trainable(): TrainableModel {
    const bound = this.boundAdapters
    if (bound.length === 0)
      throw new EspalierError('adapter.state', {
        what: 'there is no active adapter to train',
        got: { active: this.active, merged: this.mergedNames, enabled: this.enabled },
      })
    return trainableAdapters(this.model, bound)
  }

  /** The layers that the adapters change, with the biases that they train, each with their parts in order, under slots `merge<i>:`. Throws adapter.state for methods without merge, and adapters that do not go together. */
  mergeSites(names: readonly string[]): MergeSite[] {
    const adapters = names.map((name) => this.adapter(name))
    requireSeparate(adapters)
    for (const { name, tuner } of adapters) {
      if (tuner.merge === undefined)
        throw new EspalierError('adapter.state', {
          what: 'this method cannot be merged',
          got: { name, kind: tuner.kind },
        })
    }
    const partsAt = partsOf(adapters, mergePrefix)
    return namedModules(withTrainedBiases(this.base.model, adapters, mergePrefix)).flatMap(
      ({ module, path, paths }) => {
        const parts = isAdaptable(module) ? partsAt(paths) : []
        return parts.length === 0 ? [] : [{ path, layer: module as Adaptable, parts }]
      },
    )
  }

  /** Takes merged weights over: the names of all merged adapters and values by parameter path, which replace the base's until `clearMerged`. */
  setMerged(names: readonly string[], weights: ReadonlyMap<string, HostTensor>): void {
    this.mergedNames = [...names]
    this.mergedWeights = weights
    this.trees.clear()
  }

  /** Undoes merging, exactly: the base's weights were never touched. */
  clearMerged(): void {
    this.mergedNames = []
    this.mergedWeights = new Map()
    this.trees.clear()
  }

  /** Trainable and all parameters, as PEFT counts them: an adapter that was loaded to be used trains nothing. */
  parameterCounts(): { readonly trainable: number; readonly all: number } {
    const count = (shapes: Iterable<{ readonly shape: readonly number[] }>) =>
      [...shapes].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0)
    const own = (name: string) => {
      const { specs, frozen } = this.adapter(name)
      return count([...specs].flatMap(([key, spec]) => (frozen.has(key) ? [] : [spec])))
    }
    const biases = (name: string) => count(this.adapter(name).biases.map(({ parameter }) => parameter))
    const base = parameterCount(this.base.model)
    return {
      trainable: this.trainedAdapters.reduce((sum, name) => sum + own(name), 0),
      // A bias that trains is the base model's own.
      all: this.adapterNames.reduce((sum, name) => sum + own(name) - biases(name), base),
    }
  }

  /** PEFT's line: `trainable params: 1,024 || all params: 74,944 || trainable%: 1.3664`. */
  printTrainableParameters(): string {
    const { trainable, all } = this.parameterCounts()
    const number = (value: number) => value.toLocaleString('en-US')
    return `trainable params: ${number(trainable)} || all params: ${number(all)} || trainable%: ${((100 * trainable) / all).toFixed(4)}`
  }

  private requireUnmerged(what: string): void {
    if (this.mergedNames.length > 0)
      throw new EspalierError('adapter.state', {
        what: `merged adapters cannot be ${what}`,
        got: { merged: this.mergedNames },
        fix: 'Unmerge first',
      })
  }
}

/** Throws adapter.state when several adapters train biases: files of PEFT hold one value for each. */
function requireOneWithBiases(adapters: readonly Adapter[]): void {
  const training = adapters.filter(({ config }) => biasOf(config) !== 'none')
  if (training.length < 2) return
  throw new EspalierError('adapter.state', {
    what: 'only one adapter of a model may train its biases, as in PEFT',
    got: Object.fromEntries(training.map(({ name, config }) => [name, biasOf(config)])),
    fix: "Set bias to 'none' for the others",
  })
}

/** Throws adapter.state when an adapter trains a module in full of which another one changes something. */
function requireSeparate(adapters: readonly Adapter[]): void {
  for (const { name, saved } of adapters) {
    for (const other of adapters) {
      if (other.name === name) continue
      const changed = [...other.saved.map(({ path }) => path), ...other.sites.flatMap(({ paths }) => paths)]
      for (const { path } of saved) {
        const inside = changed.find((at) => at === path || at.startsWith(`${path}.`))
        if (inside === undefined) continue
        throw new EspalierError('adapter.state', {
          what: 'an adapter that trains a module in full cannot work together with one that changes something of that module',
          got: { module: path, trainedBy: name, changed: inside, by: other.name },
          fix: 'Use one of the two at a time',
        })
      }
    }
  }
}
