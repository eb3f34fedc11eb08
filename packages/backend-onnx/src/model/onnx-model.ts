/** The parts of an ONNX model that the emitter uses, and their bytes. Field numbers are those of onnx.proto (IR version 10). */
import type { Shape } from '@espalier/core'
import { Message } from './protobuf.js'

/** Element types by their numbers in onnx.proto. */
export const onnxTypes = {
  f32: 1,
  u8: 2,
  i8: 3,
  i32: 6,
  i64: 7,
  bool: 9,
  f16: 10,
  f64: 11,
  u32: 12,
  bf16: 16,
} as const

/** An element type of ONNX; i64 besides core's own, for shapes. */
export type OnnxType = keyof typeof onnxTypes

/** An attribute: a whole number, a float, text or a list of whole numbers. */
export type OnnxAttribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: readonly number[] }

/** One node. An empty name among the inputs or outputs stands for one that is left out. */
export interface OnnxNode {
  readonly op: string
  readonly domain: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Readonly<Record<string, OnnxAttribute>>
  /** Shown in profiles and in errors of the runtime. */
  readonly name: string
}

/** A named value of known type. */
export interface OnnxValue {
  readonly name: string
  readonly type: OnnxType
  readonly shape: Shape
}

/** A constant: bytes in the model, or a range of a file beside it. */
export interface OnnxInitializer extends OnnxValue {
  readonly data: Uint8Array | { readonly location: string; readonly offset: number; readonly byteLength: number }
}

/** A model. */
export interface OnnxModel {
  readonly name: string
  readonly nodes: readonly OnnxNode[]
  readonly inputs: readonly OnnxValue[]
  readonly outputs: readonly OnnxValue[]
  readonly initializers: readonly OnnxInitializer[]
}

const IR_VERSION = 10
const OPSET = 21 // the newest that IR version 10 is specified for
const CONTRIB_OPSET = 1
const EXTERNAL = 1 // TensorProto.DataLocation
const attributeTypes = { float: 1, int: 2, string: 3, ints: 7 } as const

/** The model as the bytes of a ModelProto. */
export function encodeModel(model: OnnxModel): Uint8Array {
  return new Message()
    .int(1, IR_VERSION)
    .string(2, 'espalier')
    .nested(7, (graph) => encodeGraph(graph, model))
    .nested(8, (opset) => opset.string(1, '').int(2, OPSET))
    .nested(8, (opset) => opset.string(1, 'com.microsoft').int(2, CONTRIB_OPSET))
    .finish()
    .slice() // without the spare room behind it, which would travel along
}

function encodeGraph(graph: Message, model: OnnxModel): void {
  for (const node of model.nodes) graph.nested(1, (message) => encodeNode(message, node))
  graph.string(2, model.name)
  for (const initializer of model.initializers) graph.nested(5, (message) => encodeInitializer(message, initializer))
  for (const value of model.inputs) graph.nested(11, (message) => encodeValue(message, value))
  for (const value of model.outputs) graph.nested(12, (message) => encodeValue(message, value))
}

function encodeNode(message: Message, node: OnnxNode): void {
  for (const name of node.inputs) message.string(1, name)
  for (const name of node.outputs) message.string(2, name)
  message.string(3, node.name).string(4, node.op)
  for (const [name, attribute] of Object.entries(node.attributes))
    message.nested(5, (inner) => encodeAttribute(inner, name, attribute))
  if (node.domain !== '') message.string(7, node.domain)
}

function encodeAttribute(message: Message, name: string, attribute: OnnxAttribute): void {
  message.string(1, name)
  if ('int' in attribute) message.int(3, attribute.int).int(20, attributeTypes.int)
  else if ('float' in attribute) message.float(2, attribute.float).int(20, attributeTypes.float)
  else if ('string' in attribute) message.string(4, attribute.string).int(20, attributeTypes.string)
  else {
    for (const value of attribute.ints) message.int(8, value)
    message.int(20, attributeTypes.ints)
  }
}

function encodeInitializer(message: Message, { name, type, shape, data }: OnnxInitializer): void {
  message.ints(1, shape).int(2, onnxTypes[type]).string(8, name)
  if (data instanceof Uint8Array) {
    message.bytes(9, data)
    return
  }
  const entry = (key: string, value: string) => message.nested(13, (inner) => inner.string(1, key).string(2, value))
  entry('location', data.location)
  entry('offset', String(data.offset))
  entry('length', String(data.byteLength))
  message.int(14, EXTERNAL)
}

function encodeValue(message: Message, { name, type, shape }: OnnxValue): void {
  message.string(1, name).nested(2, (outer) =>
    outer.nested(1, (tensor) =>
      tensor.int(1, onnxTypes[type]).nested(2, (dims) => {
        for (const extent of shape) dims.nested(1, (dim) => dim.int(1, extent))
      }),
    ),
  )
}
