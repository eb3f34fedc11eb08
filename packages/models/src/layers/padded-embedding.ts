/** An embedding one row of which does not learn: the padding row, as torch's `padding_idx`. */
import {
  type CallDefinition,
  call,
  cast,
  constant,
  Embedding,
  EspalierError,
  joinPath,
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
    scale = 1,
  ) {
    super(weight, scale)
  }

  /** ids (...) -> (..., size). */
  override forward(ids: Tensor): Tensor {
    const learns = cast(notEqual(ids, constant(this.paddingRow, ids.dtype)), this.weight.dtype)
    return call(learnWhere, [super.forward(ids), reshape(learns, [...ids.shape, 1])], {})[0] as Tensor
  }
}

/** What a token table is made with. */
export interface TokenTable {
  readonly rows: number
  readonly size: number
  readonly deviation: number
  /** The row that does not learn; a negative id counts from the end, as in torch. */
  readonly padding: number | null
  /** Factor of its rows. Default 1. */
  readonly scale?: number
}

/** A token table whose padding row, if there is one, does not learn. Throws model.config where it has no such row, as torch does. */
export function tokenEmbedding(scope: ParameterScope, name: string, table: TokenTable): Embedding {
  const { rows, size, deviation, padding, scale = 1 } = table
  const { weight } = scope.embedding(name, rows, size, deviation)
  if (padding === null) return new Embedding(weight, scale)
  if (padding >= rows || padding < -rows)
    throw new EspalierError('model.config', {
      what: 'the padding token has no row in the table of tokens',
      got: { pad_token_id: padding, rows, table: joinPath(scope.path, name) },
      fix: 'Set pad_token_id in config.json to a token that the table has, or to null; the tokenizer may keep its own.',
    })
  return new PaddedEmbedding(weight, padding < 0 ? rows + padding : padding, scale)
}
