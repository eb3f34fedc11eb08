/**
 * Named calls: a name with a body of core ops. A backend that knows the definition runs its fused kernel, another one runs the body,
 * so a new call needs no backend change.
 */
import { EspalierError } from '../../errors.js'
import { applyOp, type OpRule } from '../op-rule.js'
import type { Node, Tensor } from '../tensor.js'
import { copyOf, tracedBody } from './traced-bodies.js'

/** Constants of a call: plain JSON values. */
export type CallAttributes = Readonly<Record<string, unknown>>

/** What a pullback may use: the call's inputs, outputs and attributes, and a cotangent per output (undefined: that output is not used). */
export interface CallPullback<A extends CallAttributes = CallAttributes> {
  readonly inputs: readonly Tensor[]
  readonly outputs: readonly Tensor[]
  readonly attributes: A
  readonly cotangents: readonly (Tensor | undefined)[]
}

/**
 * A call's definition. The body says what it means; the pullback, when given, replaces differentiating the body. Definitions are told
 * apart as values, never by name: a backend that has a kernel for `siluCall` runs it for that object only. A second copy of core in one
 * process has definitions of its own, which a backend of the first copy does not know: their bodies run, slower and as right.
 */
export interface CallDefinition<A extends CallAttributes = CallAttributes> {
  /** For messages, prints and profiles. */
  readonly name: string
  /** The outputs, as core ops or other calls of the inputs. Must depend on nothing else. */
  body(inputs: readonly Tensor[], attributes: A): readonly Tensor[]
  /**
   * Cotangents of the inputs (an undefined entry: none flows), equal to the body's. Undefined instead of a list: the body is
   * differentiated, for outputs whose cotangents the pullback does not know.
   */
  pullback?(context: CallPullback<A>): readonly (Tensor | undefined)[] | undefined
}

/** Definition of `call`. */
export const callRule: OpRule<'call'> = {
  infer(inputs, { definition, attributes }) {
    return tracedBody(definition, inputs, attributes).outputs.map(({ dtype, shape }) => ({ dtype, shape }))
  },
  reference(node) {
    throw new EspalierError('graph.invalid', {
      what: 'a call reached a kernel without being inlined',
      got: { name: node.attrs.definition.name },
    })
  },
}

/** Applies a named call; all outputs. */
export function call<A extends CallAttributes>(
  definition: CallDefinition<A>,
  inputs: readonly Tensor[],
  attributes: A,
): readonly Tensor[] {
  return applyOp('call', callRule, inputs, { definition, attributes })
}

/** The outputs of a call as its body over the call's own inputs. */
export function expandCall({
  inputs,
  attrs: { definition, attributes },
}: Pick<Node<'call'>, 'inputs' | 'attrs'>): readonly Tensor[] {
  return copyOf(tracedBody(definition, inputs, attributes), inputs)
}
