/** An embedding one row of which does not learn: the padding row, as torch's `padding_idx`. */
import {
  type CallDefinition,
  call,
  cast,
  constant,
  Embedding,
  mul,
  notEqual,
  type ParameterScope,
  reshape,
  type Tensor,
} from '@espalier/core'

/** Call `learnWhere`: inputs x and keep (broadcastable, 0 or 1); output x, whose cotangent flows only where keep is 1. */
const learnWhere: CallDefinition = {
  name: 'learnWhere',
  body: ([x]) => [x as Tensor],
  pullback: ({ inputs: [, keep], cotangents: [g] }) => [
    g === undefined || keep === undefined ? undefined : mul(g, keep),
    undefined,
  ],
}

/** An embedding without gradient at one row. */
export class PaddedEmbedding extends Embedding {
  constructor(
    weight: Embedding['weight'],
    /** The row that does not learn. */
    readonly paddingRow: number,
  ) {
    super(weight)
  }

  /** ids (...) -> (..., size). */
  override forward(ids: Tensor): Tensor {
    const learns = cast(notEqual(ids, constant(this.paddingRow, ids.dtype)), this.weight.dtype)
    return call(learnWhere, [super.forward(ids), reshape(learns, [...ids.shape, 1])], {})[0] as Tensor
  }
}

/** A token table whose padding row, if there is one, does not learn. A negative id counts from the end, as in torch. */
export function tokenEmbedding(
  scope: ParameterScope,
  name: string,
  sizes: { readonly rows: number; readonly size: number; readonly deviation: number; readonly padding: number | null },
): Embedding {
  const { rows, size, deviation, padding } = sizes
  const plain = scope.embedding(name, rows, size, deviation)
  return padding === null ? plain : new PaddedEmbedding(plain.weight, padding < 0 ? rows + padding : padding)
}
