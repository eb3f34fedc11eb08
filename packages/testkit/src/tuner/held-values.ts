/**
 * Detached values held where they are: central differences of a loss would follow them, while gradients do not. With them held, both
 * speak of the same function.
 */
import { cast, detachCall, feed, inlineCalls, isOp, rebuild, type Tensor } from '@espalier/core'

/** A loss whose detached values are feeds, and what those are made of. */
export interface HeldLoss {
  readonly loss: Tensor
  /** Feed -> the value that it stands for, in the graph as it was; none when nothing is detached. */
  readonly held: Readonly<Record<string, Tensor>>
}

/** The loss with every detached value as a feed, `held0` and so on, also those within other calls. */
export function holdDetached(loss: Tensor): HeldLoss {
  const held: Record<string, Tensor> = {}
  const open = inlineCalls([loss], (node) => node.attrs.definition === detachCall)
  const [closed] = rebuild(open, (node) => {
    if (!isOp(node, 'call')) return undefined
    const name = `held${Object.keys(held).length}`
    const value = node.outputs[0] as Tensor
    held[name] = cast(value, 'f64')
    return [cast(feed(name, 'f64', value.shape), value.dtype)]
  })
  return Object.keys(held).length === 0 ? { loss, held } : { loss: closed as Tensor, held }
}
