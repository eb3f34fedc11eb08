/** A compiled program: checks what a run is given, walks the plan, reads the outputs and commits the updates. */
import {
  type BoundState,
  bindState,
  type CompiledProgram,
  checkFeeds,
  EspalierError,
  type HostTensor,
  ownSet,
  type Program,
  type ProgramSlots,
  programSlots,
  type RunArguments,
  type Turns,
} from '@espalier/core'
import { download, upload } from './host-values.js'
import type { Plan, PlannedStep } from './plan/plan-program.js'
import { runtimeError } from './runtime-error.js'
import type { TfNamespace, TfTensor } from './tf-namespace.js'
import { TfState } from './tf-state.js'
import type { TfWeights } from './tf-weights.js'

/** What a program needs of its backend. */
export interface ProgramOwner {
  readonly tf: TfNamespace
  readonly turns: Turns
}

type Values = (TfTensor | undefined)[]

/** A program and its plan. */
export class TfProgram implements CompiledProgram {
  private readonly slots: ProgramSlots

  constructor(
    private readonly program: Program,
    private readonly plan: Plan,
    private readonly weights: TfWeights | undefined,
    private readonly owner: ProgramOwner,
  ) {
    this.slots = programSlots(program)
  }

  get byteLength(): number {
    return this.plan.byteLength
  }

  async run({ feeds, state }: RunArguments): Promise<Record<string, HostTensor>> {
    const fed = copied(checkFeeds(this.slots, this.program.name, feeds)) // the caller may write to its arrays while this run waits
    const bound = bindState(this.slots, this.program.name, state)
    for (const { set } of bound.values()) ownSet(set, TfState).check()
    return this.owner.turns.take(async () => {
      this.checkNamespace()
      return this.compute(fed, bound)
    })
  }

  private async compute(
    fed: ReadonlyMap<string, HostTensor>,
    bound: ReadonlyMap<string, BoundState>,
  ): Promise<Record<string, HostTensor>> {
    const { tf } = this.owner
    const values: Values = []
    const own = new Set<number>() // values to dispose of: not constants, weights or state
    try {
      for (const [value, constant] of this.plan.constants) values[value] = constant
      for (const { slot, name, value } of this.plan.inputs) {
        if (slot === 'weight') values[value] = (this.weights as TfWeights).get(name)
        else if (slot === 'state') {
          const at = bound.get(name) as BoundState
          values[value] = ownSet(at.set, TfState).get(at.name)
        } else {
          values[value] = upload(tf, fed.get(name) as HostTensor, { copied: false })
          own.add(value)
        }
      }
      for (const step of this.plan.steps) {
        const result = this.start(step, values)
        const made = result instanceof Promise ? await result.catch((cause) => this.fail(step, cause)) : result
        const list = Array.isArray(made) ? (made as readonly TfTensor[]) : [made as TfTensor]
        step.outputs.forEach((value, i) => {
          values[value] = tf.keep(list[i] as TfTensor) // from scopes of the user's, which may end while a run waits
          own.add(value)
        })
        for (const value of step.drop) {
          values[value]?.dispose()
          values[value] = undefined
          own.delete(value)
        }
      }
      const outputs = await Promise.all(
        this.plan.outputs.map(
          async ({ name, value, spec }) => [name, await download(values[value] as TfTensor, spec)] as const,
        ),
      ).catch((cause) => {
        throw runtimeError(cause, { program: this.program.name })
      })
      this.commit(values, bound)
      return Object.fromEntries(outputs)
    } finally {
      for (const value of own) values[value]?.dispose()
    }
  }

  private start(step: PlannedStep, values: Values) {
    try {
      return step.run(step.inputs.map((value) => values[value] as TfTensor))
    } catch (cause) {
      return this.fail(step, cause)
    }
  }

  private fail(step: PlannedStep, cause: unknown): never {
    throw runtimeError(cause, { program: this.program.name, op: step.op })
  }

  // Every slot gets a handle of its own before any is replaced: two slots may get one value, or each other's.
  private commit(values: Values, bound: ReadonlyMap<string, BoundState>): void {
    const { tf } = this.owner
    const fresh = this.plan.updates.map(({ name, value }) => ({
      at: bound.get(name) as BoundState,
      tensor: tf.keep(tf.clone(values[value] as TfTensor)),
    }))
    for (const { at, tensor } of fresh) ownSet(at.set, TfState).commit(new Map([[at.name, tensor]]))
  }

  // A plan has what the kernels of its tfjs backend need; those of another would give other results without an error.
  private checkNamespace(): void {
    const current = this.owner.tf.getBackend()
    if (current === this.plan.kernels) return
    throw new EspalierError('backend.unsupported', {
      what: 'tfjs computes on another backend than when the program was compiled',
      got: { program: this.program.name, compiled: this.plan.kernels, current },
      fix: `Go back with tf.setBackend('${this.plan.kernels}'), or load the model after tf.setBackend.`,
    })
  }

  dispose(): void {
    this.owner.turns.whenFree(() => {
      for (const x of [...this.plan.constants.values(), ...this.plan.held]) if (!isDisposed(x)) x.dispose()
    })
  }
}

function copied(tensors: ReadonlyMap<string, HostTensor>): Map<string, HostTensor> {
  return new Map([...tensors].map(([name, tensor]) => [name, { ...tensor, data: tensor.data.slice() }]))
}

function isDisposed(x: TfTensor): boolean {
  return (x as { readonly isDisposed?: boolean }).isDisposed === true
}
