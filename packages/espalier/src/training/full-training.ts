/** Training all parameters of a loaded model: what is learned becomes the model's own weights, as it does in Python. */
import { FullModel, type HostTensor, type Model } from '@espalier/core'
import type { PretrainedModel } from '../model/pretrained-model.js'

/** All parameters of a model, and the model that takes them over. */
export class FullTraining extends FullModel {
  constructor(private readonly owner: PretrainedModel) {
    super(owner.model)
  }

  override commit(values: ReadonlyMap<string, HostTensor>): void {
    super.commit(values)
    let tree: Model | undefined
    this.owner.adopt(() => {
      tree ??= this.trained()
      return tree
    })
  }
}
