/** Losses of the tasks as sums over what counts, so that a step can be split into micro-batches and normalised once. */
import { EspalierError } from '../errors.js'
import { add, max, mul, sub } from '../graph/ops/binary.js'
import { widened } from '../graph/ops/cast.js'
import { greater } from '../graph/ops/compare.js'
import { concat } from '../graph/ops/concat.js'
import { constant } from '../graph/ops/constant.js'
import { gatherRows } from '../graph/ops/gather-rows.js'
import { reduceSum } from '../graph/ops/reduce.js'
import { reshape } from '../graph/ops/reshape.js'
import { select } from '../graph/ops/select.js'
import { sliceAxis } from '../graph/ops/slice.js'
import { exp, log } from '../graph/ops/unary.js'
import type { Tensor } from '../graph/tensor.js'
import { isAdaptable } from '../module/adaptable.js'
import { CappedHead } from '../module/capped-head.js'
import { type Context, Trace } from '../module/context.js'
import type { Module } from '../module/module.js'
import { crossEntropy, crossEntropyOfLogits, type TargetOptions } from '../nn/cross-entropy.js'
import { type ModelInputs, passOf } from './inputs.js'
import type { LanguageModel, MaskedLM, Model, Seq2SeqLM } from './model.js'
import { ROUTING, routingLoss } from './routing-loss.js'

/** A loss: the model and the batch's feeds as tensors -> the sum of losses over counted items, a scalar. Divided by the count later. options: how targets are read, where the loss has classes. */
export type LossFunction = (model: Model, inputs: ModelInputs, options?: TargetOptions) => Tensor

/**
 * Next-token loss over counted positions. Feeds besides those of `passOf`: `counted_indices` (n) i32, flat positions in
 * (batch * (virtual tokens + length)) whose next token counts; `counted_targets` (n) i32, those tokens; `counted_weights` (n) f32, 0 for
 * padding. Of a mixture of experts that balances them `routingCoefficient` times the loss of routing is added, which is one of the whole
 * batch: split into parts, it is another.
 */
export const causalLoss: LossFunction = (model, inputs, options) => {
  const [indices, targets, weights] = [
    needed(inputs, 'counted_indices'),
    needed(inputs, 'counted_targets'),
    needed(inputs, 'counted_weights'),
  ]
  const lm = model as LanguageModel
  const { routingCoefficient } = lm
  const trace = new Trace((name) => routingCoefficient !== 0 && name.startsWith(ROUTING))
  const { ids, context } = passOf(inputs, true, trace)
  const rows = gatherRows(rowsOf(lm.hidden(ids, context)), indices)
  const loss = tokenLoss(lm.head(), { rows, targets, weights }, context, options)
  const tallies = [...trace.captured.values()]
  if (tallies.length === 0) return loss
  // Once for a batch, whatever the count that the sum is divided by.
  return add(loss, mul(mul(routingLoss(tallies), routingCoefficient), reduceSum(weights)))
}

/**
 * Loss of what was masked. Feeds besides those of `passOf`: `counted_indices` (n) i32, flat positions in (batch * length) whose own token
 * counts; `counted_targets` (n) i32, those tokens; `counted_weights` (n) f32, 0 for padding.
 */
export const maskedLoss: LossFunction = (model, inputs, options) => {
  const [targets, weights] = [needed(inputs, 'counted_targets'), needed(inputs, 'counted_weights')]
  return crossEntropyOfLogits(maskedLogits(model as MaskedLM, inputs), targets, weights, options)
}

/** Logits of what was masked, (n, vocabulary), from the feeds of `maskedLoss`. */
export function maskedLogits(model: MaskedLM, inputs: ModelInputs): Tensor {
  const { ids, context } = passOf(inputs, false)
  const rows = gatherRows(rowsOf(model.hidden(ids, context)), needed(inputs, 'counted_indices'))
  return model.predict(rows, context)
}

/**
 * Loss of the text that an encoder-decoder model writes. Feeds besides those of the encoder: `labels` (batch, tokens) i32 from 0 on,
 * `label_weights` (batch, tokens) f32, 0 where ignored. Without `decoder_input_ids` the decoder reads the labels one place later.
 */
export const seq2seqLoss: LossFunction = (model, inputs, options) => {
  const lm = model as Seq2SeqLM
  const [labels, weights] = [needed(inputs, 'labels'), needed(inputs, 'label_weights')]
  const read = inputs.decoder_input_ids ?? shiftedRight(labels, weights, lm)
  const { ids, context } = passOf({ ...inputs, decoder_input_ids: read }, model.causal)
  const rows = rowsOf(lm.hidden(ids, context))
  return tokenLoss(
    lm.head(),
    { rows, targets: reshape(labels, [-1]), weights: reshape(weights, [-1]) },
    context,
    options,
  )
}

/** What a decoder reads to write the labels (batch, tokens): the start token, then each label but the last; padding for ignored ones. */
export function shiftedRight(labels: Tensor, weights: Tensor, { startToken, paddingToken }: Seq2SeqLM): Tensor {
  const [batch, tokens] = labels.shape as [number, number]
  const read = select(greater(weights, 0), labels, constant(paddingToken, 'i32'))
  return concat([constant(startToken, 'i32', [batch, 1]), sliceAxis(read, 1, 0, tokens - 1)], 1)
}

// (batch, tokens, hidden) -> (batch * tokens, hidden)
function rowsOf(hidden: Tensor): Tensor {
  return reshape(hidden, [-1, hidden.shape[2] as number])
}

function tokenLoss(
  head: Module,
  { rows, targets, weights }: Readonly<Record<'rows' | 'targets' | 'weights', Tensor>>,
  context: Context,
  options: TargetOptions = {},
): Tensor {
  const [projection, softCap] = head instanceof CappedHead ? [head.projection, head.cap] : [head, undefined]
  if (isAdaptable(projection) && projection.bias === null)
    return crossEntropy(rows, projection.orientedWeight(), targets, weights, {
      ...options,
      ...(softCap === undefined ? {} : { softCap }),
    })
  return crossEntropyOfLogits(head.forward(rows, context), targets, weights, options)
}

/**
 * Loss of a row's labels, as transformers has it for each `problem_type`. Feeds: `label_weights` (batch) f32, 0 for rows of padding, and one
 * of `labels` (batch) i32, one label (cross-entropy); `label_values` (batch, labels) f32, numbers (the mean of squares); `label_flags`
 * (batch, labels) f32, labels that may hold at once (the mean of binary cross-entropies).
 */
export const sequenceClassificationLoss: LossFunction = (model, inputs, options) => {
  const { ids, context } = passOf(inputs, model.causal)
  const { label_values: values, label_flags: flags } = inputs
  const weights = needed(inputs, 'label_weights')
  if (options?.labelSmoothing && (values ?? flags) !== undefined) throw nothingToSmooth(values === undefined)
  const logits = model.forward(ids, context)
  if (values !== undefined) return rowMeans(squares(sub(widened(logits), values)), weights)
  if (flags !== undefined) return rowMeans(binaryCrossEntropies(widened(logits), flags), weights)
  return crossEntropyOfLogits(logits, needed(inputs, 'labels'), weights, options)
}

function nothingToSmooth(areFlags: boolean): EspalierError {
  return new EspalierError('config.unsupported', {
    what: 'labels are smoothed over classes of which one holds, and these are none',
    got: { labels: areFlags ? 'labels that may hold at once' : 'numbers' },
    fix: 'Leave labelSmoothingFactor out',
  })
}

function squares(x: Tensor): Tensor {
  return mul(x, x)
}

// log(1 + e^x) - x y without overflow.
function binaryCrossEntropies(x: Tensor, y: Tensor): Tensor {
  const size = max(x, mul(x, -1))
  return add(sub(max(x, 0), mul(x, y)), log(add(exp(mul(size, -1)), 1)))
}

// Weighted sum of each row's mean: (batch, labels) and (batch) -> scalar.
function rowMeans(losses: Tensor, weights: Tensor): Tensor {
  const [batch, labels] = losses.shape as [number, number]
  return mul(reduceSum(mul(losses, reshape(weights, [batch, 1]))), 1 / labels)
}

/** Loss of one label per token. Feeds: `labels` (batch, length) i32 from 0 on, `label_weights` (batch, length) f32, 0 where ignored. */
export const tokenClassificationLoss: LossFunction = (model, inputs, options) => {
  const { ids, context } = passOf(inputs, model.causal)
  const logits = model.forward(ids, context)
  const flat = (x: Tensor) => reshape(x, [-1])
  return crossEntropyOfLogits(
    reshape(logits, [-1, logits.shape[2] as number]),
    flat(needed(inputs, 'labels')),
    flat(needed(inputs, 'label_weights')),
    options,
  )
}

/** Mean of the start's and the end's loss. Feeds: `start_positions`, `end_positions` (batch) i32 inside the row, `label_weights` (batch) f32. */
export const questionAnsweringLoss: LossFunction = (model, inputs) => {
  const { ids, context } = passOf(inputs, model.causal)
  const logits = model.forward(ids, context) // (batch, tokens, 2)
  const side = (index: number, name: string) =>
    crossEntropyOfLogits(
      reshape(sliceAxis(logits, 2, index, index + 1), logits.shape.slice(0, 2)),
      needed(inputs, name),
      needed(inputs, 'label_weights'),
    )
  return mul(add(side(0, 'start_positions'), side(1, 'end_positions')), 0.5)
}

/** The loss of a task. Throws model.unsupported for a model without a head. */
export function lossOf(model: Model): LossFunction {
  switch (model.task) {
    case 'CAUSAL_LM':
      return causalLoss
    case 'SEQ_2_SEQ_LM':
      return seq2seqLoss
    case 'MASKED_LM':
      return maskedLoss
    case 'SEQ_CLS':
      return sequenceClassificationLoss
    case 'TOKEN_CLS':
      return tokenClassificationLoss
    case 'QUESTION_ANS':
      return questionAnsweringLoss
    default:
      throw new EspalierError('model.unsupported', {
        what: 'a model without a head has no loss',
        got: { task: model.task },
        fix: 'Load it with a head, or pass a loss function',
      })
  }
}

function needed(inputs: ModelInputs, name: string): Tensor {
  const value = inputs[name]
  if (value === undefined)
    throw new EspalierError('graph.slot', {
      what: 'the loss needs a feed that the batch lacks',
      got: { feed: name, feeds: Object.keys(inputs) },
    })
  return value
}
