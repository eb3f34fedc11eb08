/** The programs of generation: `prefill` or `encode` reads a prompt into an empty cache, `decode` adds one token per row. */
import {
  add,
  type Context,
  constant,
  feed,
  gatherRows,
  iota,
  type LanguageModel,
  min,
  mul,
  type Program,
  reduceSum,
  reshape,
  type Seq2SeqLM,
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
  /** Tokens of the encoder's output, of models that have an encoder. */
  readonly encodedLength?: number | undefined
  readonly output: StepOutput
}

/**
 * Reads `length` columns of prompt into the cache's first slots. Feeds: `input_ids` (batch, length) i32; `last`, the i32 column whose
 * successor is wanted; and when rows differ in length `position_ids` (batch, length) i32 and `keep` (batch, length) bool. Columns after
 * `last` are padding: no real token sees them, and their cache slots are written again before they count.
 */
export function prefillProgram(model: LanguageModel, length: number, uneven: boolean, sizes: ProgramSizes): Program {
  const { batch, slots, output } = sizes
  const trace = new Trace()
  const keep = uneven ? feed('keep', 'bool', [batch, length]) : undefined
  const context: Context = {
    batch,
    length,
    // Padding on the right stays where the text ends: a pass reaches no farther than its text.
    positions: uneven
      ? feed('position_ids', 'i32', [batch, length])
      : min(iota([1, length], 1), feed('last', 'i32', [])),
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
  return { name: 'prefill', outputs: readOutputs(logits, output), updates: Object.fromEntries(trace.updates) }
}

/**
 * Reads the source of an encoder-decoder model, and the token that its decoder begins with. Feeds: `input_ids` (batch, encodedLength)
 * i32; `encoder_keep` (batch, encodedLength) bool, false at padding; `decoder_input_ids` (batch, 1) i32. Keys and values of the encoder's output go into caches that `decode` only reads.
 */
export function encodeProgram(model: Seq2SeqLM, { batch, slots, encodedLength, output }: ProgramSizes): Program {
  const trace = new Trace()
  const length = encodedLength as number
  const source: Context = {
    batch,
    length,
    positions: iota([1, length], 1),
    hasGivenPositions: false,
    mask: { causal: false, keep: feed('encoder_keep', 'bool', [batch, length]) },
    trace,
  }
  const context: Context = {
    batch,
    length: 1,
    positions: iota([1, 1], 1),
    hasGivenPositions: false,
    mask: { causal: true },
    cache: { slots, keep: constant(1, 'bool', [batch, slots]) },
    source: { ids: feed('input_ids', 'i32', [batch, length]), context: source },
    trace,
  }
  const logits = logitsOf(model, model.hidden(feed('decoder_input_ids', 'i32', [batch, 1]), context), context)
  return { name: 'encode', outputs: readOutputs(logits, output), updates: Object.fromEntries(trace.updates) }
}

/**
 * One more token per row. Feeds: `input_ids` and `position_ids` (batch, 1) i32; `filled`, i32, the slots in use; `keep` (batch, slots)
 * bool, false at slots of padding; behind an encoder its `encoder_keep`, as `encodeProgram`.
 */
export function decodeProgram(model: LanguageModel, sizes: ProgramSizes): Program {
  const { batch, slots, encodedLength: length, output } = sizes
  const trace = new Trace()
  const context: Context = {
    batch,
    length: 1,
    positions: feed('position_ids', 'i32', [batch, 1]),
    hasGivenPositions: true,
    mask: { causal: true },
    cache: { slots, filled: feed('filled', 'i32', []), keep: feed('keep', 'bool', [batch, slots]) },
    ...(length === undefined ? {} : { encoded: { length, keep: feed('encoder_keep', 'bool', [batch, length]) } }),
    trace,
  }
  const hidden = model.hidden(feed('input_ids', 'i32', [batch, 1]), context)
  const logits = logitsOf(model, hidden, context)
  // The likeliest token is found on the device, so that a vocabulary of logits is not copied out.
  const { values, indices } = topK(logits, 1)
  const outputs: Record<string, Tensor> = output === 'token' ? { token: indices, finite: values } : { logits }
  return { name: 'decode', outputs, updates: Object.fromEntries(trace.updates) }
}

// One NaN among the logits makes their sum NaN.
function readOutputs(logits: Tensor, output: StepOutput): Record<string, Tensor> {
  return output === 'token' ? { token: topK(logits, 1).indices, finite: reduceSum(logits) } : { logits }
}

// hidden (batch, 1, size): only the wanted position reaches the head.
function logitsOf(model: LanguageModel, hidden: Tensor, context: Context): Tensor {
  const batch = hidden.shape[0] as number
  const logits = model.head().forward(hidden, { ...context, length: 1 })
  return widened(reshape(logits, [batch, model.sizes.vocabularySize]))
}
