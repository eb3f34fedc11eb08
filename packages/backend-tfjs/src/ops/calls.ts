/** Named calls that run as they are instead of their bodies. A call whose inputs do not suit is inlined. */
import { dropoutThreshold, mix32, type Node, siteKey, sizeOf, type Tensor } from '@espalier/core'
import type { TfTensor } from '../tf-namespace.js'
import type { Step, StepContext, StepRule } from './step-rule.js'

interface CallRule {
  accepts(inputs: readonly Tensor[]): boolean
  step(context: StepContext, inputs: readonly Tensor[], attributes: Readonly<Record<string, unknown>>): Step
}

const rules: ReadonlyMap<string, CallRule> = new Map<string, CallRule>([
  [
    'softmax',
    {
      accepts: ([x]) => x !== undefined && x.dtype === 'f32' && x.shape.length > 0,
      step:
        ({ tf }) =>
        ([x]) =>
          tf.softmax(x as TfTensor),
    },
  ],
  ['dropoutMask', { accepts: () => true, step: dropoutMask }],
])

// The bits are made on the host: tfjs has no bit operations, and a mask costs less than one product there.
function dropoutMask({ tf }: StepContext, _: readonly Tensor[], attributes: Readonly<Record<string, unknown>>): Step {
  const { rate, site, shape } = attributes as { rate: number; site: number; shape: readonly number[] }
  const threshold = dropoutThreshold(rate)
  const kept = 1 / (1 - rate)
  return async ([seed]) => {
    const value = ((await (seed as TfTensor).data()) as ArrayLike<number>)[0] as number
    const key = siteKey(value >>> 0, site)
    const mask = new Float32Array(sizeOf(shape))
    for (let i = 0; i < mask.length; i++) mask[i] = mix32((i ^ key) >>> 0) < threshold ? 0 : kept
    return tf.keep(tf.tensor(mask, [...shape], 'float32'))
  }
}

/** Whether a call stays a call. */
export function keepsCall(node: Node<'call'>): boolean {
  return rules.get(node.attrs.definition.name)?.accepts(node.inputs) ?? false
}

/** `call`, for those that `keepsCall` accepted. */
export const callStep: StepRule<'call'> = (context, node) => {
  const { definition, attributes } = node.attrs
  return (rules.get(definition.name) as CallRule).step(context, node.inputs, attributes)
}
