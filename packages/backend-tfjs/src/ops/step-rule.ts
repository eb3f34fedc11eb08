/** What a rule of an op gives the plan: a function of the inputs' tensors. */
import type { HostTensor, Node, OpName, Tensor } from '@espalier/core'
import type { TfNamespace, TfTensor } from '../tf-namespace.js'

/** Results of a step: new tensors, one per output, which the caller disposes of. Never an input itself. */
export type StepResult = TfTensor | readonly TfTensor[]

/** One step of a plan. Those that need values on the host are asynchronous. */
export type Step = (inputs: readonly TfTensor[]) => StepResult | Promise<StepResult>

/** What rules may use: the namespace, and constants that live as long as the plan. */
export interface StepContext {
  readonly tf: TfNamespace
  /** A constant tensor that the plan owns. */
  constant(tensor: HostTensor): TfTensor
}

/** Makes the step of a node whose outputs have elements. */
export type StepRule<K extends OpName> = (context: StepContext, node: Node<K>) => Step

/** The single output of a node. */
export function outputOf<K extends OpName>(node: Node<K>): Tensor {
  return node.outputs[0] as Tensor
}
