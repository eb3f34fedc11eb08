/** Backends that are wrong on purpose: proof that the suites can fail. */
import * as core from '@espalier/core'
import {
  add,
  type Backend,
  type CallDefinition,
  call,
  cast,
  createNode,
  inlineCalls,
  isFloat,
  isOp,
  less,
  max,
  min,
  mul,
  type Node,
  type Program,
  peakMemory,
  programRoots,
  programSlots,
  type Rewrite,
  type RunArguments,
  rebuild,
  reference,
  select,
  type Tensor,
  withRoots,
} from '@espalier/core'

/** The ways in which a backend is made wrong. */
export type Fault =
  | 'transpose'
  | 'scale'
  | 'mask'
  | 'kernel'
  | 'gradient'
  | 'name'
  | 'index'
  | 'nan'
  | 'integer'
  | 'infinity'
  | 'order'

/** The reference executor, compiling programs with a fault: what a slip in a kernel does. */
export function wrongBackend(fault: Fault): Backend {
  const right = reference()
  return {
    apiVersion: 1,
    name: `wrong ${fault}`,
    dtypes: right.dtypes,
    loadWeights: (sources, options) => right.loadWeights(sources, options),
    createState: (tensors, options) => right.createState(tensors, options),
    async compile(program, options) {
      const damaged = damage(program, fault)
      const executable = await right.compile(damaged, options)
      // Inlining can lose feeds that nothing reads.
      const { feed } = programSlots(damaged)
      const read = (feeds: NonNullable<RunArguments['feeds']>) =>
        Object.fromEntries(Object.entries(feeds).filter(([name]) => feed.has(name)))
      return {
        ...executable,
        program,
        byteLength: peakMemory(programRoots(damaged)).intermediates,
        run: ({ feeds = {}, state }) => executable.run({ feeds: read(feeds), state }),
        release: () => executable.release(),
      }
    },
    close: () => right.close(),
  }
}

function damage(program: Program, fault: Fault): Program {
  if (fault === 'gradient') {
    const wrong = Object.entries(program.outputs).map(([name, x]) => [name, name.startsWith('d ') ? mul(x, 1.1) : x])
    return { ...program, outputs: Object.fromEntries(wrong) }
  }
  const roots = programRoots(program)
  if (fault === 'name') return withRoots(program, rebuild(roots, byName))
  return withRoots(program, rebuild(inlineCalls(roots), rewrites[fault]))
}

const definitions = new Map(
  Object.values(core as Readonly<Record<string, unknown>>)
    .filter((value): value is CallDefinition => typeof value === 'object' && value !== null && 'body' in value)
    .map((definition) => [definition.name, definition]),
)

// Every call that has the name of one of core's is taken for it.
const byName: Rewrite = (node, inputs) => {
  const known = isOp(node, 'call') ? definitions.get(node.attrs.definition.name) : undefined
  return known === undefined ? undefined : call(known, inputs, (node as Node<'call'> & Node).attrs.attributes)
}

const rewrites: Readonly<Record<Exclude<Fault, 'gradient' | 'name'>, Rewrite>> = {
  // The flag of a square right side forgotten: shapes agree, values do not.
  transpose(node, inputs) {
    const [rows, columns] = inputs[1]?.shape.slice(-2) ?? []
    if (!isOp(node, 'matmul') || rows !== columns) return undefined
    const { transposeA, transposeB } = node.attrs
    return createNode('matmul', inputs, { transposeA, transposeB: !transposeB }, node.outputs).outputs
  },
  // Every sum of floats 1 % too large.
  scale: (node, inputs) =>
    isOp(node, 'reduce') && node.attrs.fn === 'sum' && isFloatNode(node) ? [mul(again(node, inputs), 1.01)] : undefined,
  // The sides of a choice exchanged.
  mask(node, [where, ...sides]) {
    if (!isOp(node, 'select') || where === undefined) return undefined
    const specs = (sides as Tensor[]).map(({ dtype, shape }) => `${dtype}[${shape}]`)
    return specs[0] === specs[1]
      ? createNode('select', [where, ...sides.reverse()], {}, node.outputs).outputs
      : undefined
  },
  // One kernel off by 1e-3 of its value.
  kernel: (node, inputs) =>
    isOp(node, 'unary') && node.attrs.fn === 'exp' ? [mul(again(node, inputs), 1.001)] : undefined,
  // Rows counted from the end.
  index(node, [table, index]) {
    if (!isOp(node, 'gatherRows') || index?.dtype !== 'i32') return undefined
    const rows = (table as Tensor).shape[0] as number
    return [core.gatherRows(table as Tensor, select(less(index, 0), add(index, rows), index))]
  },
  // The larger of two by a comparison, which NaN fails.
  nan(node, inputs) {
    const [a, b] = inputs as readonly [Tensor, Tensor]
    if (!isOp(node, 'binary') || !isFloatNode(node)) return undefined
    if (node.attrs.fn === 'max') return [select(less(a, b), b, a)]
    return node.attrs.fn === 'min' ? [select(less(b, a), b, a)] : undefined
  },
  // Whole numbers computed as f32.
  integer(node, inputs) {
    if (!isOp(node, 'binary') || node.outputs[0]?.dtype !== 'i32') return undefined
    const floats = inputs.map((x) => cast(x, 'f32'))
    if (node.attrs.fn === 'add') return [cast(add(floats[0] as Tensor, floats[1] as Tensor), 'i32')]
    return node.attrs.fn === 'max' ? [cast(max(floats[0] as Tensor, floats[1] as Tensor), 'i32')] : undefined
  },
  // Barriers as if they were not there.
  order: (node, inputs) => (isOp(node, 'barrier') ? inputs.slice(0, node.attrs.count) : undefined),
  // The largest found after infinities were brought into range.
  infinity(node, [x]) {
    if (!isOp(node, 'topK') || x === undefined) return undefined
    const { values, indices } = core.topK(max(min(x, FINITE), -FINITE), node.attrs.k)
    return [values, indices]
  },
}

const FINITE = 1e4

function again(node: Node, inputs: readonly Tensor[]): Tensor {
  return createNode(node.op, inputs, node.attrs, node.outputs).outputs[0] as Tensor
}

function isFloatNode(node: Node): boolean {
  return isFloat((node.outputs[0] as Tensor).dtype)
}
