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
  reshape,
  type Tensor,
  Trace,
  topK,
} from '@espalier/core'

/** What a step gives: the likeliest token of each row, (batch, 1) i32, or all logits, (batch, vocabulary) f32. */
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
    mask: { causal: true, keep },
    cache: { slots, keep: keep ?? constant(1, 'bool', [batch, slots]) },
    trace,
  }
  const hidden = model.hidden(feed('input_ids', 'i32', [batch, length]), context)
  const size = hidden.shape[2] as number
  const rows = add(mul(iota([batch], 0), constant(length, 'i32')), feed('last', 'i32', []))
  const last = gatherRows(reshape(hidden, [batch * length, size]), rows)
  const outputs = resultOf(model, reshape(last, [batch, 1, size]), context, output)
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
    mask: { causal: true },
    cache: { slots, filled: feed('filled', 'i32', []), keep: feed('keep', 'bool', [batch, slots]) },
    trace,
  }
  const hidden = model.hidden(feed('input_ids', 'i32', [batch, 1]), context)
  const outputs = resultOf(model, hidden, context, output)
  return { name: 'decode', outputs, updates: Object.fromEntries(trace.updates) }
}

// hidden (batch, 1, size): only the wanted position reaches the head. The likeliest token is found on the device, so that a
// vocabulary of logits is not copied out.
function resultOf(model: CausalLM, hidden: Tensor, context: Context, output: StepOutput): Record<string, Tensor> {
  const batch = hidden.shape[0] as number
  const logits = reshape(model.head().forward(hidden, { ...context, length: 1 }), [batch, model.sizes.vocabularySize])
  return output === 'token' ? { token: topK(logits, 1).indices } : { logits }
}
