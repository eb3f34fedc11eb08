/** A bare model under a head that gives logits of labels: of a row, of every token, or of an answer's ends. */
import { type Context, joinPath, Model, type ModelSizes, type Module, type TaskType, type Tensor } from '@espalier/core'
import { type PartNames, partOf, setParts } from '../layers/parts.js'
import type { BareModel } from './bare-model.js'
import type { HeadedParts, HeadNames, HeadRequest } from './head.js'

/** What a head may look at besides the last hidden states. */
export interface HeadPass<Base extends BareModel> {
  readonly base: Base
  /** The layer that pools, of a model that has one beside the bare model. */
  readonly pooler: Module | null
  readonly ids: Tensor
  readonly context: Context
}

/** The part of the last hidden states (batch, tokens, hidden) that a head reads. */
export type HeadInput<Base extends BareModel> = (hidden: Tensor, pass: HeadPass<Base>) => Tensor

/** What distinguishes one classifier from another. */
export interface ClassifierParts<Base extends BareModel> {
  readonly task: TaskType
  readonly names: HeadNames
  readonly head: Module
  readonly input: HeadInput<Base>
  /** A layer of the whole model that `input` runs, and its path. */
  readonly pooler?: { readonly path: string; readonly module: Module }
}

interface ClassifierModules<Base extends BareModel> extends HeadedParts<Base> {
  readonly pooler?: Module
}

/** The model with a head: logits of what `input` takes of the hidden states. */
export function classifier<Base extends BareModel>(
  { base, prefix }: HeadRequest<Base>,
  { task, names, head, input, pooler }: ClassifierParts<Base>,
): Model {
  const [fields, parts] = [
    { base: prefix, ...(pooler === undefined ? {} : { pooler: pooler.path }), head: names.field },
    { base, head, ...(pooler === undefined ? {} : { pooler: pooler.module }) },
  ]
  return new Classifier(task, names.className, fields, parts, input)
}

class Classifier<Base extends BareModel> extends Model {
  constructor(
    readonly task: TaskType,
    readonly className: string,
    readonly names: PartNames<ClassifierModules<Base>>,
    parts: ClassifierModules<Base>,
    readonly input: HeadInput<Base>,
  ) {
    super()
    setParts(this, names, parts)
  }

  get sizes(): ModelSizes {
    return this.base.sizes
  }

  get causal(): boolean {
    return this.base.causal
  }

  override get layerPaths(): readonly string[] {
    return this.base.layerPaths.map((path) => joinPath(this.names.base, path))
  }

  forward(ids: Tensor, context: Context): Tensor {
    const { base, names } = this
    const pooler = names.pooler === undefined ? null : partOf(this, names.pooler)
    const read = this.input(base.forward(ids, context), { base, pooler, ids, context })
    return partOf(this, names.head).forward(read, context)
  }

  private get base(): Base {
    return partOf<Base>(this, this.names.base)
  }
}
