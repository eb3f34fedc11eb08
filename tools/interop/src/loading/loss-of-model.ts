/** The loss of a model on rows of token ids, computed from what its head gives. */
import { feed, hostTensor, type ModelInputs, passOf } from '@espalier/core'
import type { PeftModel, PretrainedModel } from 'espalier'

/**
 * As transformers computes it: of the next token, of the token itself where the class fills masks or a decoder writes it, of labels that
 * follow from ids or rows; the mean square of a model without a head. auto: transformers' class.
 */
export async function lossOfModel(
  runtime: PretrainedModel | PeftModel,
  ids: readonly (readonly number[])[],
  auto: string,
): Promise<number> {
  const [rows, length] = [ids.length, ids[0]?.length ?? 0]
  const tokens = hostTensor('i32', [rows, length], ids.flat())
  const held = runtime.hold()
  try {
    const { model, backend, weights, state } = await held.ready
    const read = feed('input_ids', 'i32', tokens.shape)
    const isWritten = auto === 'AutoModelForSeq2SeqLM'
    const written: ModelInputs = isWritten ? { decoder_input_ids: feed('decoder_input_ids', 'i32', tokens.shape) } : {}
    const pass = passOf({ input_ids: read, ...written }, model.causal)
    const outputs = { logits: model.forward(pass.ids, pass.context) }
    const executable = await backend.compile({ name: 'logits', outputs }, { weights })
    const start = Number(runtime.config.decoder_start_token_id)
    const shifted = hostTensor(
      'i32',
      tokens.shape,
      ids.flatMap((row) => [start, ...row.slice(0, -1)]),
    )
    const feeds = { input_ids: tokens, ...(isWritten && { decoder_input_ids: shifted }) }
    const { logits } = await executable.run({ feeds, state })
    executable.release()
    const values = logits?.data as Float32Array
    if (auto === 'AutoModel') return values.reduce((sum, value) => sum + value * value, 0) / values.length
    const width = logits?.shape.at(-1) ?? 1
    return meanLoss(values, width, targetsOf(ids, auto, width))
  } finally {
    held.release()
  }
}

/** Rows of logits with the column that each is to choose. */
function targetsOf(ids: readonly (readonly number[])[], auto: string, width: number): (readonly [number, number])[] {
  const length = ids[0]?.length ?? 0
  if (auto === 'AutoModelForSequenceClassification') return ids.map((_, i) => [i, i % width])
  return ids.flatMap((row, i) =>
    auto === 'AutoModelForCausalLM'
      ? row.slice(1).map((id, j) => [i * length + j, id] as const)
      : row.map((id, j) => [i * length + j, id % width] as const),
  )
}

function meanLoss(logits: Float32Array, width: number, targets: readonly (readonly [number, number])[]): number {
  const losses = targets.map(([row, target]) => {
    const own = Array.from(logits.subarray(row * width, (row + 1) * width))
    const most = Math.max(...own)
    return most + Math.log(own.reduce((sum, value) => sum + Math.exp(value - most), 0)) - (own[target] as number)
  })
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length
}
