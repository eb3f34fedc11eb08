/** Named calls that run as they are instead of their bodies, by their definitions. A call whose inputs do not suit is inlined. */
import {
  type CallAttributes,
  type CallDefinition,
  dropoutMaskCall,
  dropoutThreshold,
  mix32,
  type Node,
  siteKey,
  sizeOf,
  softmaxCall,
  type Tensor,
} from '@espalier/core'
import type { TfTensor } from '../tf-namespace.js'
import type { Step, StepContext, StepRule } from './step-rule.js'

interface CallRule<A extends CallAttributes> {
  accepts(inputs: readonly Tensor[]): boolean
  step(context: StepContext, attributes: A): Step
}

const rules: ReadonlyMap<CallDefinition, CallRule<CallAttributes>> = new Map([
  rule(softmaxCall, {
    accepts: ([x]) => x !== undefined && x.dtype === 'f32' && x.shape.length > 0,
    step:
      ({ tf }) =>
      ([x]) =>
        tf.softmax(x as TfTensor),
  }),
  // The bits are made on the host: tfjs has no bit operations, and a mask costs less than one product there.
  rule(dropoutMaskCall, {
    accepts: () => true,
    step({ tf }, { rate, site, shape }) {
      const threshold = dropoutThreshold(rate)
      const kept = 1 / (1 - rate)
      return async ([seed]) => {
        const value = ((await (seed as TfTensor).data()) as ArrayLike<number>)[0] as number
        const key = siteKey(value >>> 0, site)
        const mask = new Float32Array(sizeOf(shape))
        for (let i = 0; i < mask.length; i++) mask[i] = mix32((i ^ key) >>> 0) < threshold ? 0 : kept
        return tf.keep(tf.tensor(mask, [...shape], 'float32'))
      }
    },
  }),
])

/** Whether a call stays a call. */
export function keepsCall(node: Node<'call'>): boolean {
  return rules.get(node.attrs.definition)?.accepts(node.inputs) ?? false
}

/** `call`, for those that `keepsCall` accepted. */
export const callStep: StepRule<'call'> = (context, node) => {
  const { definition, attributes } = node.attrs
  return (rules.get(definition) as CallRule<CallAttributes>).step(context, attributes)
}

/** An entry of the table: a rule gets the attributes of the definition that it is for. */
function rule<A extends CallAttributes>(
  definition: CallDefinition<A>,
  own: CallRule<A>,
): readonly [CallDefinition, CallRule<CallAttributes>] {
  return [definition, own]
}
