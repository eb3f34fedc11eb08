/**
 * Finds matrix products that can run as one kernel with what alone uses them: a constant factor, a sum (BLAS's C), or a sum over the
 * batch. Only the search is here; backends write the kernels.
 */
import { filledWith } from '../graph/ops/constant.js'
import { isOp, type Node, type Tensor, topologicalOrder } from '../graph/tensor.js'
import { sameShape, sizeOf } from '../shape.js'

/** A product with what is folded into it: alpha A B + addend, summed over the batch before the addend. */
export interface FusedProduct {
  readonly node: Node<'matmul'>
  readonly alpha: number
  readonly addend?: Tensor
  /** The batch axes are summed over: they belong to the contracted axis. */
  readonly sumsBatch: boolean
}

/** The fusions of a graph: by the node whose output they compute, and the nodes that need no step of their own. */
export interface ProductFusions {
  readonly products: ReadonlyMap<Node, FusedProduct>
  readonly absorbed: ReadonlySet<Node>
}

/**
 * Finds all fusions below the roots, of f32 products. Addends have the result's shape, or one axis or none. `order` is the roots'
 * topological order, for those who have it.
 */
export function productFusions(
  roots: readonly Tensor[],
  order: readonly Node[] = topologicalOrder(roots),
): ProductFusions {
  const uses = new Map<Tensor, number>()
  for (const x of [...order.flatMap((node) => node.inputs), ...roots]) uses.set(x, (uses.get(x) ?? 0) + 1)
  const products = new Map<Node, FusedProduct>()
  const absorbed = new Set<Node>()

  const productOf = (x: Tensor): FusedProduct | undefined => {
    const { node } = x
    if (uses.get(x) !== 1 || x.dtype !== 'f32' || sizeOf(x.shape) === 0) return undefined
    if (isOp(node, 'matmul'))
      return contractedSize(node) === 0
        ? undefined
        : { node: node as unknown as Node<'matmul'>, alpha: 1, sumsBatch: false }
    return products.get(node)
  }
  const fuse = (node: Node, operand: Tensor, product: FusedProduct) => {
    products.set(node, product)
    products.delete(operand.node)
    absorbed.add(operand.node)
  }

  for (const node of order) {
    if (isOp(node, 'binary')) {
      const [a, b] = node.inputs as readonly [Tensor, Tensor]
      const { fn } = node.attrs
      const y = node.outputs[0] as Tensor
      if (fn === 'mul' || fn === 'div') {
        for (const [x, other] of fn === 'mul' ? [[a, b] as const, [b, a] as const] : [[a, b] as const]) {
          const factor = filledWith(other)
          const product = productOf(x)
          if (
            factor === undefined ||
            factor === 0 ||
            product === undefined ||
            product.addend !== undefined ||
            !sameShape(x.shape, y.shape)
          )
            continue
          fuse(node, x, { ...product, alpha: fn === 'mul' ? product.alpha * factor : product.alpha / factor })
          break
        }
      } else if (fn === 'add') {
        for (const [x, addend] of [[b, a] as const, [a, b] as const]) {
          const product = productOf(x)
          if (
            product === undefined ||
            product.addend !== undefined ||
            !sameShape(x.shape, y.shape) ||
            !isFlatProduct(product)
          )
            continue
          if (!sameShape(addend.shape, y.shape) && addend.shape.length > 1) continue
          fuse(node, x, { ...product, addend })
          break
        }
      }
    } else if (isOp(node, 'reduce') && node.attrs.fn === 'sum') {
      const x = node.inputs[0] as Tensor
      const product = productOf(x)
      const y = node.outputs[0] as Tensor
      const batch = x.shape.length - 2
      if (
        product === undefined ||
        product.addend !== undefined ||
        product.sumsBatch ||
        !sumsOnlyBatch(node.attrs.axes, batch) ||
        y.shape.length !== 2
      )
        continue
      if (!node.attrs.keepDims && hasPlainBatch(product.node)) fuse(node, x, { ...product, sumsBatch: true })
    }
  }
  return { products, absorbed }
}

/** Whether a product is one two-dimensional product, its leading axes being rows. */
export function isFlatProduct({ node, sumsBatch }: FusedProduct): boolean {
  const [a, b] = node.inputs as readonly [Tensor, Tensor]
  if (sumsBatch) return true
  if (batchSize(a) === 1 && batchSize(b) === 1) return true
  return b.shape.length === 2 && !node.attrs.transposeA
}

/** Length of the axis that a product sums over. */
export function contractedSize(node: Node<'matmul'>): number {
  const a = node.inputs[0] as Tensor
  return a.shape[a.shape.length - (node.attrs.transposeA ? 2 : 1)] as number
}

function batchSize(x: Tensor): number {
  return sizeOf(x.shape.slice(0, -2))
}

function sumsOnlyBatch(axes: readonly number[], batch: number): boolean {
  return axes.length === batch && axes.every((axis, i) => axis === i)
}

// Rows of both sides lie one after another, so batch and rows merge into one contracted axis.
function hasPlainBatch(node: Node<'matmul'>): boolean {
  const [a, b] = node.inputs as readonly [Tensor, Tensor]
  return node.attrs.transposeA && !node.attrs.transposeB && sameShape(a.shape.slice(0, -2), b.shape.slice(0, -2))
}
