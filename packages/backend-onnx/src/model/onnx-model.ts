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
  const graph = new Message()
  for (const node of model.nodes) graph.message(1, encodeNode(node))
  graph.string(2, model.name)
  for (const initializer of model.initializers) graph.message(5, encodeInitializer(initializer))
  for (const value of model.inputs) graph.message(11, encodeValue(value))
  for (const value of model.outputs) graph.message(12, encodeValue(value))
  return new Message()
    .int(1, IR_VERSION)
    .string(2, 'espalier')
    .message(7, graph)
    .message(8, new Message().string(1, '').int(2, OPSET))
    .message(8, new Message().string(1, 'com.microsoft').int(2, CONTRIB_OPSET))
    .finish()
    .slice() // without the spare room behind it, which would travel along
}

function encodeNode(node: OnnxNode): Message {
  const message = new Message()
  for (const name of node.inputs) message.string(1, name)
  for (const name of node.outputs) message.string(2, name)
  message.string(3, node.name).string(4, node.op)
  for (const [name, attribute] of Object.entries(node.attributes)) message.message(5, encodeAttribute(name, attribute))
  return node.domain === '' ? message : message.string(7, node.domain)
}

function encodeAttribute(name: string, attribute: OnnxAttribute): Message {
  const message = new Message().string(1, name)
  if ('int' in attribute) return message.int(3, attribute.int).int(20, attributeTypes.int)
  if ('float' in attribute) return message.float(2, attribute.float).int(20, attributeTypes.float)
  if ('string' in attribute) return message.string(4, attribute.string).int(20, attributeTypes.string)
  for (const value of attribute.ints) message.int(8, value)
  return message.int(20, attributeTypes.ints)
}

function encodeInitializer({ name, type, shape, data }: OnnxInitializer): Message {
  const message = new Message().ints(1, shape).int(2, onnxTypes[type]).string(8, name)
  if (data instanceof Uint8Array) return message.bytes(9, data)
  const entry = (key: string, value: string) => message.message(13, new Message().string(1, key).string(2, value))
  entry('location', data.location)
  entry('offset', String(data.offset))
  entry('length', String(data.byteLength))
  return message.int(14, EXTERNAL)
}

function encodeValue({ name, type, shape }: OnnxValue): Message {
  const dims = new Message()
  for (const extent of shape) dims.message(1, new Message().int(1, extent))
  const tensor = new Message().int(1, onnxTypes[type]).message(2, dims)
  return new Message().string(1, name).message(2, new Message().message(1, tensor))
}
