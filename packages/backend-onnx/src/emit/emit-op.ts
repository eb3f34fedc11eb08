/** The type of the rules that translate one op. */
import type { Node, OpName, Tensor } from '@espalier/core'
import type { Emitter } from './emitter.js'

/** The inputs that most rules destructure. */
export type Inputs = readonly [Tensor, Tensor, Tensor]

/** Emits a node and sets the values of its outputs. Not called when all outputs are empty. */
export type EmitOp<K extends OpName> = (emitter: Emitter, node: Node<K>, inputs: Inputs) => void
