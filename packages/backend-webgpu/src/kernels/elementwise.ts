/**
 * Element-wise work: one node, or a chain of them in which each thread keeps what lies between to itself.
 *
 * Computes: y[i] = f(x0[...], x1[...], ...), broadcast. Cases: unary, binary, compare, select, cast, broadcast, iota and randomBits, in any
 * combination; an input is read at i, at one place, or through strides. Cost: one pass over the inputs and one over the result.
 * Numbers that stand everywhere are parameters, so that shaders differ by structure alone.
 */
import {
  broadcastStrides,
  type DType,
  filledWith,
  isOp,
  type Node,
  type Shape,
  sizeOf,
  stridesOf,
  type Tensor,
} from '@espalier/core'
import {
  binaryExpression,
  castExpression,
  compareExpression,
  type Expression,
  MIX,
  unaryExpression,
} from './functions.js'
import { type Axes, axesOf, axesParams, isFlat } from './strides.js'
import {
  constantBits,
  encoded,
  lanesOf,
  OFFSET,
  Params,
  reader,
  registerOf,
  shader,
  wordBody,
  wordsFor,
} from './wgsl.js'

const GOLDEN = 0x9e3779b9 // as in core's siteKey

/** Work to write a kernel for. */
export interface ElementwiseWork {
  /** Each after its inputs; the last one makes the result. */
  readonly nodes: readonly Node[]
  /** The buffer that holds a tensor which the nodes read, by its number among the inputs; constants of one value are not asked for. */
  readonly bufferOf: (x: Tensor) => number
  /** How the inputs lie, by number. */
  readonly stored: readonly DType[]
  /** How the result lies. */
  readonly result: DType
}

/** Whether a node can be part of such a kernel. */
export function isElementwise(node: Node): boolean {
  return COVERED.has(node.op)
}

const COVERED: ReadonlySet<string> = new Set([
  'unary',
  'binary',
  'compare',
  'select',
  'cast',
  'broadcast',
  'iota',
  'randomBits',
])

/** The shader and its parameters; one thread for each word of the result. */
export function elementwiseKernel(work: ElementwiseWork): { source: string; params: Uint32Array; words: number } {
  const last = work.nodes[work.nodes.length - 1] as Node
  return new Writer(work, last.outputs[0] as Tensor).write()
}

class Writer {
  private readonly shape: Shape
  private readonly params = new Params()
  private readonly lines: string[] = []
  private readonly functions = new Set<string>()
  private readonly names = new Map<Tensor, string>()
  private readonly constants = new Map<string, number>()

  constructor(
    private readonly work: ElementwiseWork,
    private readonly last: Tensor,
  ) {
    this.shape = last.shape
  }

  write() {
    const { last } = this
    const { nodes, stored, result } = this.work
    const size = this.shape.reduce((a, b) => a * b, 1)
    const lanes = lanesOf(result)
    const words = wordsFor(result, size)
    this.params.add(lanes === 1 ? words : size)
    for (const [i, dtype] of stored.entries()) this.functions.add(reader(`read${i}`, `x${i}`, dtype))
    nodes.forEach((node, i) => {
      const y = node.outputs[0] as Tensor
      this.define(`v${i}`, this.expression(node))
      this.names.set(y, this.rounded(`v${i}`, node, y.dtype))
    })
    const bits = encoded(this.names.get(last) as string, result)
    for (const text of bits.needs) this.functions.add(text)
    const source = shader({
      buffers: ['y', ...stored.map((_, i) => `x${i}`)],
      params: this.params,
      functions: [...this.functions],
      body: wordBody(lanes, this.lines.join('\n'), bits.code),
    })
    return { source, params: this.params.done(), words }
  }

  // What lies between is rounded as it would be in memory: the lowest half beside a score stays the lowest half.
  private rounded(name: string, node: Node, dtype: DType): string {
    if (dtype !== 'f16' || (node.op !== 'unary' && node.op !== 'binary')) return name
    this.define(`${name}h`, castExpression(name, 'f32', 'f16'))
    return `${name}h`
  }

  private define(name: string, { code, needs = [] }: Expression): void {
    for (const text of needs) this.functions.add(text)
    this.lines.push(`  let ${name} = ${code};`)
  }

  private expression(node: Node): Expression {
    const y = node.outputs[0] as Tensor
    const [a, b, c] = isOp(node, 'iota') ? [] : node.inputs.map((x) => this.operand(x))
    const { dtype } = (node.inputs[0] ?? y) as Tensor
    if (isOp(node, 'unary')) return unaryExpression(node.attrs.fn, a as string, dtype)
    if (isOp(node, 'binary')) return binaryExpression(node.attrs.fn, a as string, b as string, dtype)
    if (isOp(node, 'compare')) return compareExpression(node.attrs.fn, a as string, b as string, dtype)
    if (isOp(node, 'select')) return { code: `select(${c}, ${b}, ${a} != 0u)` }
    if (isOp(node, 'cast')) return castExpression(a as string, dtype, y.dtype)
    if (isOp(node, 'randomBits')) {
      const site = this.constant('u32', Math.imul(node.attrs.site, GOLDEN) >>> 0)
      return { code: `mix32(${b} ^ mix32(${a} + ${site}))`, needs: [MIX] }
    }
    if (isOp(node, 'iota')) return this.counted(node, y)
    return { code: a as string } // broadcast
  }

  private counted(node: Node<'iota'>, { dtype, shape }: Tensor): Expression {
    const { axis } = node.attrs
    const at = this.params.add(stridesOf(shape)[axis] as number, shape[axis] as number)
    const count = `i / param(${at}u) % param(${at + 1}u)`
    const register = registerOf(dtype)
    return { code: register === 'u32' ? count : `${register}(${count})` }
  }

  private operand(x: Tensor): string {
    const value = filledWith(x)
    if (value !== undefined) return this.constant(x.dtype, value)
    const known = this.names.get(x)
    if (known !== undefined) return known
    const number = this.work.bufferOf(x)
    const name = `in${this.names.size}`
    const axes = axesOf(this.shape, broadcastStrides(x.shape, this.shape))
    this.define(name, { code: `read${number}(${this.placeOf(axes)})` })
    this.names.set(x, name)
    return name
  }

  private placeOf(axes: Axes): string {
    if (axes.length === 0) return '0u'
    if (isFlat(axes, sizeOf(this.shape))) return 'i'
    this.functions.add(OFFSET)
    return `offset(i, ${this.params.add(...axesParams(axes))}u)`
  }

  private constant(dtype: DType, value: number): string {
    const bits = constantBits(dtype, value)
    const register = registerOf(dtype)
    const key = `${register} ${bits}`
    const at = this.constants.get(key) ?? this.params.add(bits)
    this.constants.set(key, at)
    return register === 'u32' ? `param(${at}u)` : `bitcast<${register}>(param(${at}u))`
  }
}
