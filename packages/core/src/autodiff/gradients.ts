/** Reverse-mode differentiation, graph to graph. Only nodes between the roots and the tensors asked for get cotangents. */
import { isFloat } from '../dtype.js'
import { EspalierError } from '../errors.js'
import type { OpName } from '../graph/op-attrs.js'
import { expandCall } from '../graph/ops/call.js'
import { constant, zerosLike } from '../graph/ops/constant.js'
import { isOp, type Node, type Tensor, topologicalOrder } from '../graph/tensor.js'
import { sameShape } from '../shape.js'
import { accumulate, type Pullback } from './pullback.js'
import { pullbacks } from './rules.js'

/** Gradients of a scalar float with respect to tensors, each in its tensor's shape; zeros where the loss does not depend on it. Throws gradient.none. */
export function gradients(loss: Tensor, withRespectTo: readonly Tensor[]): Tensor[] {
  if (loss.shape.length !== 0 || !isFloat(loss.dtype)) {
    throw new EspalierError('gradient.none', {
      what: 'the loss must be one float',
      got: { dtype: loss.dtype, shape: loss.shape },
    })
  }
  const found = backward([loss], [constant(1, loss.dtype)], withRespectTo)
  return found.map((g, i) => g ?? zerosLike(withRespectTo[i] as Tensor))
}

/**
 * Cotangents of `withRespectTo` from cotangents of the outputs; undefined where no output depends on a tensor. The tensors count as
 * independent of each other, as the inputs of a call do: nothing flows through one of them to another.
 */
export function vjp(
  outputs: readonly Tensor[],
  cotangents: readonly (Tensor | undefined)[],
  withRespectTo: readonly Tensor[],
): (Tensor | undefined)[] {
  return backward(outputs, cotangents, withRespectTo, new Set(withRespectTo))
}

/** `leaves`: tensors not to differentiate through. */
function backward(
  outputs: readonly Tensor[],
  cotangents: readonly (Tensor | undefined)[],
  withRespectTo: readonly Tensor[],
  leaves: ReadonlySet<Tensor> = new Set(),
): (Tensor | undefined)[] {
  for (const x of withRespectTo) {
    if (!isFloat(x.dtype))
      throw new EspalierError('gradient.none', {
        what: 'gradients exist for floats only',
        got: { dtype: x.dtype, shape: x.shape },
      })
  }
  const wanted = new Set(withRespectTo)
  const order = topologicalOrder(outputs, leaves)
  const onPath = new Set<Node>()
  const reaches = (x: Tensor) => wanted.has(x) || onPath.has(x.node)
  for (const node of order) if (node.inputs.some(reaches)) onPath.add(node)

  const sums = new Map<Tensor, Tensor>()
  const addTo = (x: Tensor, g: Tensor | undefined) => {
    const total = accumulate(sums.get(x), g)
    if (total !== undefined) sums.set(x, total)
  }
  outputs.forEach((x, i) => {
    if (reaches(x)) addTo(x, cotangents[i])
  })
  for (const node of order.reverse()) {
    const received = node.outputs.map((x) => (leaves.has(x) ? undefined : sums.get(x)))
    if (!onPath.has(node) || received.every((g) => g === undefined)) continue
    pull(node, received).forEach((g, i) => {
      const x = node.inputs[i] as Tensor
      if (g === undefined || !isFloat(x.dtype) || !reaches(x)) return
      if (g.dtype !== x.dtype || !sameShape(g.shape, x.shape)) throw wrongCotangent(node, i, g)
      addTo(x, g)
    })
  }
  return withRespectTo.map((x) => sums.get(x))
}

function pull(node: Node, cotangents: readonly (Tensor | undefined)[]): readonly (Tensor | undefined)[] {
  if (isOp(node, 'call')) {
    const { definition, attributes } = node.attrs
    const own = definition.pullback?.({ inputs: node.inputs, outputs: node.outputs, attributes, cotangents })
    if (own !== undefined) return own
    const floats = [...new Set(node.inputs.filter((x) => isFloat(x.dtype)))]
    const found = backward(expandCall(node), cotangents, floats, new Set(node.inputs))
    // An input used twice gets its whole cotangent once.
    const given = new Set<Tensor>()
    return node.inputs.map((x) => {
      if (given.has(x)) return undefined
      given.add(x)
      return found[floats.indexOf(x)]
    })
  }
  const rule = pullbacks[node.op as Exclude<OpName, 'call'>] as Pullback<OpName> | undefined
  return rule?.(node, cotangents) ?? []
}

function wrongCotangent(node: Node, input: number, g: Tensor): EspalierError {
  const x = node.inputs[input] as Tensor
  const text = (t: Tensor) => `${t.dtype}[${t.shape.join(',')}]`
  const op = isOp(node, 'call') ? node.attrs.definition.name : (node.op as string)
  return new EspalierError('shape.mismatch', {
    what: 'a pullback gave a cotangent of another dtype or shape than its input has',
    got: { op, input, cotangent: text(g), want: text(x) },
  })
}
