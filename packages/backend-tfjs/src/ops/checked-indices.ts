/** Indices that lie outside are an error on every tfjs: its kernels answer with another row, with zeros, or write where they should not. */
import { indexError, type OpName } from '@espalier/core'
import type { TfNamespace, TfTensor } from '../tf-namespace.js'
import type { Step } from './step-rule.js'

/** What is addressed, and by which of the step's inputs. */
export interface Addressed {
  readonly op: OpName
  readonly size: number
  readonly indices: number
}

/** A step with one result that first reads its indices. Throws shape.mismatch for one that is not in the tensor. */
export function checkedIndices(
  tf: TfNamespace,
  { op, size, indices }: Addressed,
  step: (inputs: readonly TfTensor[]) => TfTensor,
): Step {
  return async (inputs) => {
    const read = (await (inputs[indices] as TfTensor).data()) as ArrayLike<number>
    for (let i = 0; i < read.length; i++) {
      const index = read[i] as number
      if (index < 0 || index >= size) throw indexError(op, { index, size })
    }
    return tf.keep(step(inputs)) // the caller gets it later, when a scope of the user's may have ended
  }
}
