/**
 * A program as a flat list of steps over numbered values, planned once: calls inlined, constant parts computed, the last use of every
 * value known. Running it is a loop.
 */
import {
  constantParts,
  EspalierError,
  type HostTensor,
  isOp,
  lastUses,
  type Node,
  type Program,
  type SlotKind,
  sizeOf,
  type Tensor,
  topologicalOrder,
  withRoots,
} from '@espalier/core'
import { heldBytes, heldIn, toHeldValues, upload } from '../host-values.js'
import type { Step, StepContext } from '../ops/step-rule.js'
import { stepOf } from '../ops/table.js'
import { runtimeError } from '../runtime-error.js'
import type { TfNamespace, TfTensor } from '../tf-namespace.js'
import { loweredRoots } from './lowered-graph.js'

/** One step: which values it reads and makes, and which are not needed after it. */
export interface PlannedStep {
  readonly op: string
  readonly run: Step
  readonly inputs: readonly number[]
  readonly outputs: readonly number[]
  readonly drop: readonly number[]
}

/** A value that every run is given. */
export interface PlannedInput {
  readonly value: number
  readonly slot: SlotKind
  readonly name: string
}

/** A result: the number of its value. */
export interface PlannedResult {
  readonly name: string
  readonly value: number
  readonly spec: Tensor
}

/** What a run needs. */
export interface Plan {
  /** The backend of the namespace whose kernels the steps are written for. */
  readonly kernels: string
  readonly steps: readonly PlannedStep[]
  readonly inputs: readonly PlannedInput[]
  readonly outputs: readonly PlannedResult[]
  readonly updates: readonly PlannedResult[]
  /** Values computed when the program was planned, by their number. The plan owns them. */
  readonly constants: ReadonlyMap<number, TfTensor>
  /** Tensors that rules asked for; the plan owns them too. */
  readonly held: readonly TfTensor[]
  readonly byteLength: number
}

// Constant parts up to this size are computed once: masks and tables.
const FOLDED_BYTES = 4 << 20

/** Plans a program. Throws backend.unsupported for dtypes that tfjs cannot hold or compute in. */
export async function planProgram(tf: TfNamespace, program: Program): Promise<Plan> {
  return new Planner(tf).plan(program)
}

class Planner {
  private readonly numbers = new Map<Tensor, number>()
  private readonly constants = new Map<number, TfTensor>()
  private readonly held: TfTensor[] = []
  private readonly inputs = new Map<string, PlannedInput>()
  private readonly context: StepContext
  private heldBytes = 0
  private count = 0

  constructor(private readonly tf: TfNamespace) {
    this.context = {
      tf,
      constant: (tensor: HostTensor) => {
        const own = upload(tf, tensor, { copied: true })
        this.held.push(own)
        this.heldBytes += heldBytes(tensor)
        return own
      },
    }
  }

  async plan(program: Program): Promise<Plan> {
    const kernels = this.tf.getBackend()
    const roots = loweredRoots(this.tf, program)
    const { outputs, updates = {} } = withRoots(program, roots)
    try {
      const pending: { node: Node; inputs: number[]; outputs: number[]; run: Step }[] = []
      const order = topologicalOrder(roots)
      const fixed = constantParts(order, (x) => heldBytes(x) <= FOLDED_BYTES)
      for (const node of order) {
        for (const x of node.outputs) heldIn(x.dtype) // f64 is refused here
        if (isOp(node, 'input')) this.number(node)
        else if (node.outputs.every((x) => sizeOf(x.shape) === 0)) this.empty(node)
        else if (fixed.has(node)) await this.fold(node)
        else {
          const inputs = node.inputs.map((x) => this.numbers.get(x) as number)
          pending.push({
            node,
            inputs,
            outputs: node.outputs.map((x) => this.fresh(x)),
            run: stepOf(this.context, node),
          })
        }
      }
      const results = (entries: Readonly<Record<string, Tensor>>): PlannedResult[] =>
        Object.entries(entries).map(([name, spec]) => ({ name, spec, value: this.numbers.get(spec) as number }))
      const wanted = { outputs: results(outputs), updates: results(updates) }
      const kept = new Set([...wanted.outputs, ...wanted.updates].map(({ value }) => value))
      const borrowed = this.borrowed()
      const ending = lastUses(pending, kept)
      const steps = pending.map(
        ({ node, ...step }, i): PlannedStep => ({
          ...step,
          op: nameOf(node),
          drop: (ending[i] as number[]).filter((value) => !borrowed.has(value)),
        }),
      )
      this.forgetUnused(new Set([...kept, ...steps.flatMap(({ inputs }) => inputs)]))
      return {
        kernels,
        steps,
        inputs: [...this.inputs.values()],
        ...wanted,
        constants: this.constants,
        held: this.held,
        byteLength: this.heldBytes,
      }
    } catch (error) {
      for (const x of [...this.constants.values(), ...this.held]) x.dispose()
      throw error
    }
  }

  private fresh(x: Tensor): number {
    const number = this.count++
    this.numbers.set(x, number)
    return number
  }

  private number(node: Node<'input'>): void {
    const { slot, name } = node.attrs
    const key = `${slot} ${name}`
    const known = this.inputs.get(key)
    const y = node.outputs[0] as Tensor
    if (known !== undefined) this.numbers.set(y, known.value)
    else this.inputs.set(key, { slot, name, value: this.fresh(y) })
  }

  // Kernels disagree about tensors without elements; none of them gets to see one as a result.
  private empty(node: Node): void {
    for (const x of node.outputs) {
      const values = toHeldValues({ dtype: x.dtype, shape: x.shape, data: new Uint8Array(0) }, x.dtype, true)
      this.keepConstant(x, this.tf.tensor(values, [...x.shape], heldIn(x.dtype)))
    }
  }

  private async fold(node: Node): Promise<void> {
    const given = node.inputs.map((x) => this.constants.get(this.numbers.get(x) as number) as TfTensor)
    try {
      const results = await stepOf(this.context, node)(given)
      const list = Array.isArray(results) ? (results as readonly TfTensor[]) : [results as TfTensor]
      node.outputs.forEach((x, i) => {
        this.keepConstant(x, list[i] as TfTensor)
      })
    } catch (cause) {
      throw EspalierError.isInstance(cause) ? cause : runtimeError(cause, { op: node.op })
    }
  }

  private keepConstant(x: Tensor, value: TfTensor): void {
    this.constants.set(this.fresh(x), this.tf.keep(value))
    this.heldBytes += heldBytes(x)
  }

  private borrowed(): ReadonlySet<number> {
    const lent = [...this.inputs.values()].filter(({ slot }) => slot !== 'feed').map(({ value }) => value)
    return new Set([...this.constants.keys(), ...lent])
  }

  private forgetUnused(used: ReadonlySet<number>): void {
    for (const [number, value] of this.constants) {
      if (used.has(number)) continue
      value.dispose()
      this.constants.delete(number)
    }
  }
}

function nameOf(node: Node): string {
  if (isOp(node, 'call')) return node.attrs.definition.name
  if (isOp(node, 'unary') || isOp(node, 'binary') || isOp(node, 'compare') || isOp(node, 'reduce'))
    return `${node.op}.${node.attrs.fn}`
  return node.op
}
