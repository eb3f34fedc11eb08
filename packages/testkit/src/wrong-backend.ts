/** Backends that are wrong on purpose: proof that the suites can fail. */
import {
  type Backend,
  createNode,
  inlineCalls,
  isFloat,
  isOp,
  mul,
  type Node,
  type Program,
  programRoots,
  programSlots,
  type Rewrite,
  type RunArguments,
  rebuild,
  reference,
  type Tensor,
  withRoots,
} from '@espalier/core'

/** The ways in which a backend is made wrong. */
export type Fault = 'transpose' | 'scale' | 'mask' | 'kernel' | 'gradient'

/** The reference executor, compiling programs with a fault: what a slip in a kernel does. */
export function wrongBackend(fault: Fault): Backend {
  const right = reference()
  return {
    apiVersion: 1,
    name: `wrong ${fault}`,
    dtypes: right.dtypes,
    loadWeights: (sources, options) => right.loadWeights(sources, options),
    createState: (tensors) => right.createState(tensors),
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
  return withRoots(program, rebuild(inlineCalls(programRoots(program)), rewrites[fault]))
}

const rewrites: Readonly<Record<Exclude<Fault, 'gradient'>, Rewrite>> = {
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
}

function again(node: Node, inputs: readonly Tensor[]): Tensor {
  return createNode(node.op, inputs, node.attrs, node.outputs).outputs[0] as Tensor
}

function isFloatNode(node: Node): boolean {
  return isFloat((node.outputs[0] as Tensor).dtype)
}
