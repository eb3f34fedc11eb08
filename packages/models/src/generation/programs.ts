/** The two programs of generation: `prefill` reads a prompt into an empty cache, `decode` adds one token per row. */
import {
  add,
  type CausalLM,
  type Context,
  constant,
  feed,
  gatherRows,
  iota,
  mul,
  type Program,
  reduceSum,
  reshape,
  type Tensor,
  Trace,
  topK,
  widened,
} from '@espalier/core'

/** What a step gives: the likeliest token of each row, (batch, 1) i32, with a number that is finite where its logits are; or all logits, (batch, vocabulary) f32. */
export type StepOutput = 'token' | 'logits'

/** Sizes that a program is compiled for. */
export interface ProgramSizes {
  readonly batch: number
  /** Tokens that the cache has room for. */
  readonly slots: number
  readonly output: StepOutput
}

/**
 * Reads `length` columns of prompt into the cache's first slots. Feeds: `input_ids` (batch, length) i32; `last`, the i32 column whose
 * successor is wanted; and when rows differ in length `position_ids` (batch, length) i32 and `keep` (batch, length) bool. Columns after
 * `last` are padding: no real token sees them, and their cache slots are written again before they count.
 */
export function prefillProgram(model: CausalLM, length: number, uneven: boolean, sizes: ProgramSizes): Program {
  const { batch, slots, output } = sizes
  const trace = new Trace()
  const keep = uneven ? feed('keep', 'bool', [batch, length]) : undefined
  const context: Context = {
    batch,
    length,
    positions: uneven ? feed('position_ids', 'i32', [batch, length]) : iota([1, length], 1),
    hasGivenPositions: true,
    mask: { causal: true, keep },
    cache: { slots, keep: keep ?? constant(1, 'bool', [batch, slots]) },
    trace,
  }
  const hidden = model.hidden(feed('input_ids', 'i32', [batch, length]), context)
  const size = hidden.shape[2] as number
  const rows = add(mul(iota([batch], 0), constant(length, 'i32')), feed('last', 'i32', []))
  const last = gatherRows(reshape(hidden, [batch * length, size]), rows)
  const logits = logitsOf(model, reshape(last, [batch, 1, size]), context)
  // One NaN among the logits makes their sum NaN.
  const outputs: Record<string, Tensor> =
    output === 'token' ? { token: topK(logits, 1).indices, finite: reduceSum(logits) } : { logits }
  return { name: 'prefill', outputs, updates: Object.fromEntries(trace.updates) }
}

/**
 * One more token per row. Feeds: `input_ids` and `position_ids` (batch, 1) i32; `filled`, i32, the slots in use; `keep` (batch, slots)
 * bool, false at slots of padding.
 */
export function decodeProgram(model: CausalLM, sizes: ProgramSizes): Program {
  const { batch, slots, output } = sizes
  const trace = new Trace()
  const context: Context = {
    batch,
    length: 1,
    positions: feed('position_ids', 'i32', [batch, 1]),
    hasGivenPositions: true,
    mask: { causal: true },
    cache: { slots, filled: feed('filled', 'i32', []), keep: feed('keep', 'bool', [batch, slots]) },
    trace,
  }
  const hidden = model.hidden(feed('input_ids', 'i32', [batch, 1]), context)
  const logits = logitsOf(model, hidden, context)
  // The likeliest token is found on the device, so that a vocabulary of logits is not copied out.
  const { values, indices } = topK(logits, 1)
  const outputs: Record<string, Tensor> = output === 'token' ? { token: indices, finite: values } : { logits }
  return { name: 'decode', outputs, updates: Object.fromEntries(trace.updates) }
}

// hidden (batch, 1, size): only the wanted position reaches the head.
function logitsOf(model: CausalLM, hidden: Tensor, context: Context): Tensor {
  const batch = hidden.shape[0] as number
  const logits = model.head().forward(hidden, { ...context, length: 1 })
  return widened(reshape(logits, [batch, model.sizes.vocabularySize]))
}
