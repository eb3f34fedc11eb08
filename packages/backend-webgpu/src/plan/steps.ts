/** The values and dispatches of a plan while it is written. */
import { byteSize, type DType, type Lifetime } from '@espalier/core'
import type { KernelUse } from '../kernels/kernel.js'
import { type Dispatch, ERRORS, type Place, type PlannedValue } from './plan.js'
import { assignSlots } from './slots.js'

const WORD = 4
// Limit of WebGPU's core for workgroups along one axis.
const MOST_GROUPS = 65_535

interface Draft {
  readonly place: Exclude<Place, { in: 'slot' }> | { readonly in: 'slot' }
  readonly stored: DType
  readonly size: number
}

/** Where a dispatch goes. */
export type Phase = 'once' | 'steps' | 'commits'

/** Collects values and dispatches, and gives the values their places at the end. */
export class Steps {
  private readonly drafts: Draft[] = []
  readonly once: Dispatch[] = []
  readonly steps: Dispatch[] = []
  readonly commits: Dispatch[] = []

  /** A new value; its number. */
  value(place: Draft['place'], stored: DType, size: number): number {
    this.drafts.push({ place, stored, size })
    return this.drafts.length - 1
  }

  /** Where a value lies. */
  placeOf(value: number): Draft['place'] {
    return this.draft(value).place
  }

  /** How a value lies. */
  storedOf(value: number): DType {
    return this.draft(value).stored
  }

  /** Bytes of a value, in whole words. */
  bytesOf(value: number): number {
    const { stored, size } = this.draft(value)
    return Math.ceil((size * byteSize(stored)) / WORD) * WORD
  }

  /** Adds a dispatch; results come first among its bindings. */
  add(phase: Phase, { kernel, params, groups }: KernelUse, label: string, bindings: readonly number[]): void {
    const down = Math.ceil(groups / MOST_GROUPS)
    this[phase].push({ kernel, label, bindings, params, groups: [Math.ceil(groups / down), down] })
  }

  /** All values in their places, with the bytes of the slots. `lasting`: values that are read after the last step. */
  placed(fed: readonly number[], lasting: readonly number[]): { values: PlannedValue[]; slots: readonly number[] } {
    const lives = this.lives(fed, lasting)
    const tenants = [...lives].map(([value, life]) => ({ value, ...life, bytes: this.bytesOf(value) }))
    const { slotOf, bytes } = assignSlots(tenants)
    const slots = new Map(tenants.map(({ value }, i) => [value, slotOf[i] as number]))
    const values = this.drafts.map(({ place, stored, size }, value): PlannedValue => {
      const { from, to } = lives.get(value) ?? { from: -1, to: this.steps.length }
      const own: Place = place.in === 'slot' ? { in: 'slot', slot: slots.get(value) ?? 0 } : place
      return { place: own, stored, size, bytes: this.bytesOf(value), from, to }
    })
    return { values, slots: bytes }
  }

  private lives(fed: readonly number[], lasting: readonly number[]): Map<number, Lifetime> {
    const found = new Map<number, { from: number; to: number }>()
    const extend = (value: number, from: number, to: number) => {
      if (value === ERRORS || this.draft(value).place.in !== 'slot' || this.draft(value).size === 0) return
      const known = found.get(value)
      if (known === undefined) found.set(value, { from, to })
      else known.to = to
    }
    for (const value of fed) extend(value, -1, -1)
    this.steps.forEach(({ bindings }, at) => {
      for (const value of bindings) extend(value, at, at)
    })
    for (const value of lasting) extend(value, -1, this.steps.length)
    return found
  }

  private draft(value: number): Draft {
    return this.drafts[value] as Draft
  }
}
