/**
 * What a program becomes: dispatches of WGSL kernels over numbered values in planned memory. A plan is a plain value, made without a GPU,
 * and `printPlan` shows it.
 */
import type { DType, Spec } from '@espalier/core'

/** A shader: pipelines are shared by its text. */
export interface Kernel {
  /** A short name, for prints and profiles. */
  readonly name: string
  /** WGSL with an entry point `main`. Binding 0 is a uniform with the parameters, 1 and so on are the values in the order of a dispatch. */
  readonly source: string
}

/** Where a value lies: in a slot that others have before and after it, in a buffer of the plan's own that stays, or with weights and state. */
export type Place =
  | { readonly in: 'slot'; readonly slot: number }
  | { readonly in: 'kept' }
  | { readonly in: 'weight' | 'state'; readonly name: string }

/** Memory that kernels read and write. Several tensors may show one value: a reshape is its input in other words. */
export interface PlannedValue {
  readonly place: Place
  /** Of the elements as they lie, which may be narrower than what the graph says of weights. */
  readonly stored: DType
  /** Of what is in it, without what is added to fill the last word. */
  readonly size: number
  readonly bytes: number
  /** First and last step that needs it, of those in slots; -1 is before all steps. */
  readonly from: number
  readonly to: number
}

/** One dispatch. */
export interface Dispatch {
  readonly kernel: Kernel
  /** What it computes, as ops of the graph. */
  readonly label: string
  /** Numbers of the values, results first. `ERRORS` is the buffer that indices outside are noted in. */
  readonly bindings: readonly number[]
  /** 32-bit words of the uniform. */
  readonly params: Uint32Array
  /** Workgroups along x and y. */
  readonly groups: readonly [number, number]
}

/** Stands for the buffer of errors among bindings. */
export const ERRORS = -1

/** A value that a run gives or takes. */
export interface PlannedSlot {
  readonly name: string
  readonly value: number
  readonly spec: Spec
}

/** An index that a dispatch checks: what an error says of it. The number in the list is what the kernel notes. */
export interface PlannedCheck {
  readonly op: string
  /** What belongs to the error beside the index. */
  readonly facts: Readonly<Record<string, number>>
  /** What the error calls the index. */
  readonly names: 'index' | 'start'
}

/** A program on WebGPU. */
export interface Plan {
  readonly name: string
  readonly values: readonly PlannedValue[]
  /** Run once, after compiling: parts that are the same in every run. */
  readonly once: readonly Dispatch[]
  readonly steps: readonly Dispatch[]
  /** After all steps: state gets its new values. Each leaves everything alone when an index lay outside. */
  readonly commits: readonly Dispatch[]
  /** Constants with values of their own: bytes by value. */
  readonly constants: ReadonlyMap<number, Uint8Array>
  readonly feeds: readonly PlannedSlot[]
  readonly outputs: readonly PlannedSlot[]
  readonly checks: readonly PlannedCheck[]
  /** Bytes of each slot, largest first. No two values of one slot are alive at once, nor read and written by one step. */
  readonly slots: readonly number[]
  /** Bytes that stay with the executable. */
  readonly keptBytes: number
}

/** The plan as text: memory, then one line for each dispatch with what it reads and writes. */
export function printPlan(plan: Plan): string {
  const { values, once, steps, commits } = plan
  const kernels = new Set([...once, ...steps, ...commits].map(({ kernel }) => kernel.source))
  const value = (number: number) => {
    const own = values[number]
    if (own === undefined) return 'errors'
    const { place, stored, size, from, to } = own
    const where =
      place.in === 'slot'
        ? `slot ${place.slot} ${from}..${to}`
        : 'name' in place
          ? `${place.in} ${place.name}`
          : place.in
    return `%${number} ${stored}[${size}] ${where}`
  }
  const line = (d: Dispatch, i: number) =>
    `  ${i} ${d.kernel.name} ${d.groups.join('x')} ${d.label}: ${d.bindings.map(value).join(', ')}`
  return [
    `${plan.name}: ${steps.length} dispatches, ${once.length} once, ${commits.length} commits, ${kernels.size} shaders`,
    `${plan.slots.length} slots of ${plan.slots.reduce((sum, bytes) => sum + bytes, 0)} bytes, kept ${plan.keptBytes} bytes`,
    ...once.map((d, i) => `once${line(d, i)}`),
    ...steps.map(line),
    ...commits.map((d, i) => `commit${line(d, i)}`),
    '',
  ].join('\n')
}
